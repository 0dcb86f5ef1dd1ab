package diff

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// A hash finds elements that moved. What two nodes have the same hash is
// compared all the same, so that a collision costs time and hides nothing.

type hashedElement struct {
	hash uint64
	node int32
	at   int
}

func (w *walk) hashed(t *tree, nodes []int32) ([]hashedElement, error) {
	out := make([]hashedElement, len(nodes))
	for i, n := range nodes {
		h, err := w.hash(t, n, int32(i))
		if err != nil {
			return nil, err
		}
		out[i] = hashedElement{hash: h, node: n, at: i}
	}
	return out, nil
}

func samePlaces(x, y []hashedElement) bool {
	return slices.EqualFunc(x, y, func(a, b hashedElement) bool { return a.hash == b.hash })
}

// sortHashed sorts by hash, and elements of one hash by what they hold: rules
// may have given it to different ones, which are best paired by rank.
func (w *walk) sortHashed(t *tree, list []hashedElement) error {
	var err error
	slices.SortStableFunc(list, func(a, b hashedElement) int {
		if c := cmp.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		if err != nil || len(w.c.rules) == 0 {
			return 0 // without rules they are equal
		}
		var c int
		c, err = w.order(t, a.node, b.node)
		return c
	})
	return err
}

// order compares two nodes of one tree by what they hold.
func (w *walk) order(t *tree, x, y int32) (int, error) {
	if err := w.spend(1); err != nil {
		return 0, err
	}
	a, b := &t.nodes[x], &t.nodes[y]
	if c := cmp.Compare(a.kind, b.kind); c != 0 {
		return c, nil
	}
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c, nil
	}
	if a.kind == kindNumber {
		p, _ := strconv.ParseFloat(a.text, 64)
		q, _ := strconv.ParseFloat(b.text, 64)
		if c := cmp.Compare(p, q); c != 0 {
			return c, nil
		}
	}
	if c := strings.Compare(a.text, b.text); c != 0 || a.kind.leaf() {
		return c, nil
	}
	if !a.kind.ordered() {
		t.sort(x)
		t.sort(y)
	}
	i, j := a.first, b.first
	for i != none && j != none {
		if c, err := w.order(t, i, j); c != 0 || err != nil {
			return c, err
		}
		i, j = t.nodes[i].next, t.nodes[j].next
	}
	return cmp.Compare(i, none) - cmp.Compare(j, none), nil
}

// sort puts the members of an object in order of their names. Members of one
// name stay as they were.
func (t *tree) sort(of int32) {
	if t.nodes[of].sorted {
		return
	}
	t.nodes[of].sorted = true
	members := t.children(make([]int32, 0, t.nodes[of].count), of)
	slices.SortStableFunc(members, func(i, j int32) int {
		return strings.Compare(t.nodes[i].name, t.nodes[j].name)
	})
	at := parent{tree: t, node: of}
	t.nodes[of].count = 0
	for _, m := range members {
		t.nodes[m].next = none
		at.link(m)
	}
}

// hash of an element of a list: two that are equal under the rules in force have
// the same. A part that a rule excuses adds nothing.
func (w *walk) hash(t *tree, n, index int32) (uint64, error) {
	depth := len(w.steps)
	defer func() { w.steps = w.steps[:depth] }()
	// Of the two sides of a step the walk fills the one it stands on.
	onA := t == w.a
	push := func(s step) {
		if onA {
			s.a = n
		} else {
			s.b = n
		}
		w.steps = append(w.steps, s)
	}
	name := t.nodes[n].name
	if name != "" {
		push(step{name: name, index: -1})
	}
	push(step{index: index, implied: name != ""})
	h, err := w.hashNode(t, n)
	return mix(h, maphash.String(w.c.seed, name)), err
}

func (w *walk) hashNode(t *tree, n int32) (uint64, error) {
	v := &t.nodes[n]
	if err := w.spend(1 + len(v.text)/64 + len(w.c.rules)*(1+len(w.steps))/4); err != nil {
		return 0, err
	}
	if len(t.hashes) < len(t.nodes) {
		t.hashes = append(t.hashes, make([]uint64, len(t.nodes)-len(t.hashes))...)
	}
	if t.hashes[n] != 0 {
		return t.hashes[n], nil
	}
	h, err := w.freshHash(t, n)
	t.hashes[n] = h
	return h, err
}

func (w *walk) freshHash(t *tree, n int32) (uint64, error) {
	v := &t.nodes[n]
	if h, ruled := w.ruledHash(v); ruled {
		return h, nil
	}
	base := uint64(v.kind) + 1
	if opaque(v.kind) {
		base = uint64(kindBytes)
	}
	switch {
	case v.kind == kindNumber:
		if d, ok := parseDecimal(v.text); ok {
			return mix(base, maphash.String(w.c.seed, d.canon())), nil
		}
		return mix(base, maphash.String(w.c.seed, v.text)), nil
	case v.kind.leaf():
		return mix(base, maphash.String(w.c.seed, v.text)), nil
	}
	sum := base
	placed := v.kind.ordered() && w.listRule() == nil
	index := int32(0)
	for c := v.first; c != none; c = t.nodes[c].next {
		h, err := w.hashChild(t, c, index, v.kind)
		if err != nil {
			return 0, err
		}
		if placed {
			h = mix(h, uint64(index)+1)
		}
		sum += h // the same in any order, unless the position was mixed in
		index++
	}
	return sum, nil
}

func (w *walk) hashChild(t *tree, c, index int32, in kind) (uint64, error) {
	if in.ordered() {
		return w.hash(t, c, index)
	}
	child := &t.nodes[c]
	if child.unnamed() {
		return w.hashNode(t, c)
	}
	s := step{name: child.name, index: -1}
	if t == w.a {
		s.a = c
	} else {
		s.b = c
	}
	w.steps = append(w.steps, s)
	defer w.back(1)
	h, err := w.hashNode(t, c)
	if h == 0 {
		return 0, err
	}
	return mix(h, maphash.String(w.c.seed, child.name)), err
}

// ruledHash is the hash of a node that a rule is about.
func (w *walk) ruledHash(v *node) (h uint64, ruled bool) {
	for i := range w.c.rules {
		r := &w.c.rules[i]
		scope := r.comparator.scope
		if r.path.root != w.root || scope == scopeList || scope == scopeLeaf && !v.kind.leaf() ||
			r.Expired(w.now) || !w.match(r.path.selectors, w.steps) {
			continue
		}
		switch scope {
		case scopeTree:
			return 0, true
		case scopeType:
			return uint64(v.kind) + 1, true
		default:
			if text, ok := r.comparator.canon(v); ok {
				return maphash.String(w.c.seed, text) | 1, true
			}
		}
	}
	return 0, false
}

// mix makes one hash of two (the finalizer of splitmix64).
func mix(a, b uint64) uint64 {
	h := a ^ b*0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
