package diff

import (
	"cmp"
	"slices"
	"strings"
)

// list compares two lists. Elements are held against each other by position
// unless a rule says otherwise; what only moved is one difference of order.
func (w *walk) list(x, y int32) error {
	base := len(w.kids)
	w.kids = w.a.children(w.kids, x)
	mid := len(w.kids)
	w.kids = w.b.children(w.kids, y)
	// Deeper lists put theirs behind these, in the same array or a larger one:
	// either way these stay as they are.
	as, bs := w.kids[base:mid:mid], w.kids[mid:len(w.kids):len(w.kids)]
	defer func() { w.kids = w.kids[:base] }()
	if err := w.spend(len(as) + len(bs)); err != nil {
		return err
	}
	if rule := w.listRule(); rule != nil {
		return w.excusedList(rule, as, bs)
	}
	if len(as) != len(bs) {
		if err := w.report(Length, x, y); err != nil {
			return err
		}
		return w.uneven(as, bs)
	}
	if w.differing(as, bs) > 1 {
		pairs, whole, err := w.byHash(as, bs)
		if err != nil {
			return err
		}
		if whole && !inPlace(pairs) {
			if err := w.report(Order, x, y); err != nil {
				return err
			}
			return w.pairs(as, bs, pairs)
		}
	}
	return w.byPosition(as, bs)
}

// listRule is the rule that says how the list at hand is compared, if any.
func (w *walk) listRule() *compiledRule {
	for i := range w.c.rules {
		r := &w.c.rules[i]
		if r.comparator.scope == scopeList && r.path.root == w.root && !r.Expired(w.now) &&
			w.match(r.path.selectors, w.steps) {
			return r
		}
	}
	return nil
}

// excusedList compares two lists as a rule says: as multisets, or by key. That
// they were in another order is excused.
func (w *walk) excusedList(rule *compiledRule, as, bs []int32) error {
	var pairs []pairing
	var err error
	if rule.comparator.key != nil {
		pairs = w.byKey(as, bs, rule.comparator.key)
	} else if pairs, _, err = w.byHash(as, bs); err != nil {
		return err
	}
	if !inPlace(pairs) {
		w.seen++
		w.result.excuse(&rule.Rule)
	}
	return w.pairs(as, bs, pairs)
}

// differing counts the positions at which elements may differ.
func (w *walk) differing(as, bs []int32) int {
	n := 0
	for i := range as {
		if raw := w.a.nodes[as[i]].raw; raw == "" || raw != w.b.nodes[bs[i]].raw {
			n++
		}
	}
	return n
}

// byPosition compares elements one by one.
func (w *walk) byPosition(as, bs []int32) error {
	for i := range min(len(as), len(bs)) {
		if err := w.element(as[i], bs[i], int32(i)); err != nil {
			return err
		}
	}
	return nil
}

// uneven compares two lists of different lengths. What they begin and end with
// alike stays paired, so that one inserted element is one difference.
func (w *walk) uneven(as, bs []int32) error {
	start, end := 0, 0
	shorter := min(len(as), len(bs))
	alike := func(i, j int) (bool, error) {
		x, err := w.hash(w.a, as[i], int32(i))
		if err != nil {
			return false, err
		}
		y, err := w.hash(w.b, bs[j], int32(j))
		return x == y, err
	}
	for ; start < shorter; start++ {
		if ok, err := alike(start, start); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	for ; end < shorter-start; end++ {
		if ok, err := alike(len(as)-1-end, len(bs)-1-end); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	if err := w.byPosition(as[:len(as)-end], bs[:len(bs)-end]); err != nil {
		return err
	}
	for i := end; i > 0; i-- {
		at := min(len(as), len(bs)) - i
		if err := w.element(as[len(as)-i], bs[len(bs)-i], int32(at)); err != nil {
			return err
		}
	}
	return nil
}

// A pairing holds two elements against each other by their position in their
// lists; -1 is none.
type pairing struct{ a, b int }

// inPlace tells whether every element is paired with the one at its position.
func inPlace(pairs []pairing) bool {
	for _, p := range pairs {
		if p.a >= 0 && p.b >= 0 && p.a != p.b {
			return false
		}
	}
	return true
}

func (w *walk) pairs(as, bs []int32, pairs []pairing) error {
	for _, p := range pairs {
		x, y, index := none, none, p.a
		if p.a >= 0 {
			x = as[p.a]
		}
		if p.b >= 0 {
			y = bs[p.b]
			if index < 0 || p.b < index {
				index = p.b
			}
		}
		if err := w.element(x, y, int32(index)); err != nil {
			return err
		}
	}
	return nil
}

// byKey pairs elements whose member at key is the same, the first of a key with
// the first, and so on.
func (w *walk) byKey(as, bs []int32, key []selector) []pairing {
	x, y := keysOf(w.a, as, key), keysOf(w.b, bs, key)
	var pairs []pairing
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].key < y[0].key:
			pairs, x = append(pairs, pairing{x[0].at, -1}), x[1:]
		case len(x) == 0 || y[0].key < x[0].key:
			pairs, y = append(pairs, pairing{-1, y[0].at}), y[1:]
		default:
			pairs, x, y = append(pairs, pairing{x[0].at, y[0].at}), x[1:], y[1:]
		}
	}
	return pairs
}

type keyed struct {
	key string
	at  int
}

func keysOf(t *tree, nodes []int32, key []selector) []keyed {
	out := make([]keyed, len(nodes))
	for i, n := range nodes {
		for _, sel := range key {
			if n = t.member(n, sel.name); n == none {
				break
			}
		}
		out[i] = keyed{key: t.nodes[n].kind.String(), at: i}
		switch v := &t.nodes[n]; {
		case v.kind == kindNumber:
			if d, ok := parseDecimal(v.text); ok {
				out[i].key += d.canon()
				continue
			}
			out[i].key += v.text
		case v.kind.leaf():
			out[i].key += v.text
		}
	}
	slices.SortStableFunc(out, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	return out
}

// byHash pairs elements that are equal under the rules wherever they stand, and
// the rest in their order. whole tells whether there was no rest.
func (w *walk) byHash(as, bs []int32) (pairs []pairing, whole bool, err error) {
	x, err := w.hashed(w.a, as)
	if err != nil {
		return nil, false, err
	}
	y, err := w.hashed(w.b, bs)
	if err != nil {
		return nil, false, err
	}
	if samePlaces(x, y) {
		for i := range x {
			pairs = append(pairs, pairing{i, i})
		}
		return pairs, true, nil
	}
	if err := w.sortHashed(w.a, x); err != nil {
		return nil, false, err
	}
	if err := w.sortHashed(w.b, y); err != nil {
		return nil, false, err
	}
	pairs = make([]pairing, 0, max(len(x), len(y)))
	var restA, restB []int
	for len(x) > 0 && len(y) > 0 {
		switch cmp.Compare(x[0].hash, y[0].hash) {
		case -1:
			restA, x = append(restA, x[0].at), x[1:]
		case 1:
			restB, y = append(restB, y[0].at), y[1:]
		default:
			pairs, x, y = append(pairs, pairing{x[0].at, y[0].at}), x[1:], y[1:]
		}
	}
	for _, h := range x {
		restA = append(restA, h.at)
	}
	for _, h := range y {
		restB = append(restB, h.at)
	}
	whole = len(restA) == 0 && len(restB) == 0
	return appendRest(pairs, restA, restB), whole, nil
}

func appendRest(pairs []pairing, as, bs []int) []pairing {
	slices.Sort(as)
	slices.Sort(bs)
	for i := range max(len(as), len(bs)) {
		p := pairing{-1, -1}
		if i < len(as) {
			p.a = as[i]
		}
		if i < len(bs) {
			p.b = bs[i]
		}
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(p, q pairing) int { return cmp.Compare(p.low(), q.low()) })
	return pairs
}

// low is the position that a pairing is reported at.
func (p pairing) low() int {
	switch {
	case p.a < 0:
		return p.b
	case p.b < 0:
		return p.a
	default:
		return min(p.a, p.b)
	}
}
