package diff

import (
	"slices"
	"time"
)

// A walk compares two trees from their roots down and notes what differs.
type walk struct {
	c      *Comparer
	now    time.Time
	a, b   *tree
	root   string
	placed bool // the body is a list of what is not alike
	steps  []step
	kids   []int32 // a stack of the children of the lists on the way down
	work   int     // what is left of Limits.Work
	seen   int     // differences, excused ones too
	result *Result
}

// spend takes n off the work that may be done.
func (w *walk) spend(n int) error {
	w.work -= n + w.a.looked + w.b.looked
	w.a.looked, w.b.looked = 0, 0
	if w.work < 0 {
		return errTooMuchWork
	}
	return nil
}

// compare notes how the nodes x of a and y of b differ.
func (w *walk) compare(x, y int32) error {
	a, b := &w.a.nodes[x], &w.b.nodes[y]
	if err := w.spend(1 + min(len(a.raw), len(b.raw))/64); err != nil {
		return err
	}
	if a.raw != "" && a.raw == b.raw {
		return nil
	}
	if a.kind != b.kind {
		if opaque(a.kind) && opaque(b.kind) {
			return w.report(Value, x, y)
		}
		return w.report(Type, x, y)
	}
	switch {
	case a.kind.ordered():
		return w.list(x, y)
	case a.kind == kindMessage:
		return w.message(x, y)
	case !a.kind.leaf():
		return w.object(x, y)
	}
	if err := w.spend((len(a.text) + len(b.text)) / 64); err != nil {
		return err
	}
	if a.text == b.text || a.kind == kindNumber && equalNumbers(a.text, b.text) {
		return nil
	}
	return w.report(Value, x, y)
}

// opaque tells whether a node is bytes, whatever else they may be read as.
func opaque(k kind) bool { return k == kindBytes || k == kindMessage }

// message compares bytes that read as protobuf messages on both sides. Without
// a schema that is a guess, and they may as well be text: fields in another
// order are a difference then.
func (w *walk) message(x, y int32) error {
	if w.a.nodes[x].text == w.b.nodes[y].text {
		return nil
	}
	before := w.seen
	if err := w.object(x, y); err != nil || w.seen != before {
		return err
	}
	return w.report(Order, x, y)
}

// object compares members by name. A name that an object has more than once is
// compared occurrence by occurrence.
func (w *walk) object(x, y int32) error {
	if !w.sameNames(x, y) {
		w.a.sort(x)
		w.b.sort(y)
	}
	i, j := w.a.nodes[x].first, w.b.nodes[y].first
	for i != none || j != none {
		a, b := &w.a.nodes[i], &w.b.nodes[j]
		m, s := i, j
		switch {
		case j == none || i != none && a.name < b.name:
			s = none
		case i == none || a.name > b.name:
			m = none
		}
		if err := w.member(m, s); err != nil {
			return err
		}
		if m != none {
			i = a.next
		}
		if s != none {
			j = b.next
		}
	}
	return nil
}

// sameNames tells whether two objects have the same names in the same order, as
// they do most of the time.
func (w *walk) sameNames(x, y int32) bool {
	if w.a.nodes[x].count != w.b.nodes[y].count {
		return false
	}
	i, j := w.a.nodes[x].first, w.b.nodes[y].first
	for i != none && j != none {
		if w.a.nodes[i].name != w.b.nodes[j].name {
			return false
		}
		i, j = w.a.nodes[i].next, w.b.nodes[j].next
	}
	return true
}

// member compares one member of an object, none where a side has not got it.
func (w *walk) member(x, y int32) error {
	from := w.a
	at := x
	if x == none {
		from, at = w.b, y
	}
	if n := &from.nodes[at]; !n.unnamed() {
		w.steps = append(w.steps, step{name: n.name, index: -1, a: x, b: y})
		defer w.back(1)
	}
	return w.pair(x, y)
}

// pair compares two nodes of which one may be none.
func (w *walk) pair(x, y int32) error {
	switch {
	case x == none:
		return w.report(Extra, x, y)
	case y == none:
		return w.report(Missing, x, y)
	default:
		return w.compare(x, y)
	}
}

// element compares two elements of a list at a position. Elements of XML and
// HTML have a name, which is a step of the path of its own.
func (w *walk) element(x, y, index int32) error {
	name, other := w.a.nodes[x].name, w.b.nodes[y].name
	if x == none {
		name = other
	}
	same := x == none || y == none || name == other
	depth := len(w.steps)
	defer func() { w.steps = w.steps[:depth] }()
	if same && name != "" {
		w.steps = append(w.steps, step{name: name, index: -1, a: x, b: y})
	}
	w.steps = append(w.steps, step{index: index, a: x, b: y, implied: len(w.steps) > depth, placed: w.placed || len(w.steps) > depth})
	if !same {
		return w.report(Type, x, y)
	}
	return w.pair(x, y)
}

func (w *walk) back(n int) { w.steps = w.steps[:len(w.steps)-n] }

// report notes a difference where the walk stands, unless a rule excuses it.
func (w *walk) report(k Kind, x, y int32) error {
	if err := w.spend(1 + len(w.c.rules)*(1+len(w.steps))); err != nil {
		return err
	}
	w.seen++
	var lapsed *Rule
	for i := range w.c.rules {
		r := &w.c.rules[i]
		if r.path.root != w.root || !w.excuses(r, k, x, y) {
			continue
		}
		if !r.Expired(w.now) {
			w.result.excuse(&r.Rule)
			return nil
		}
		lapsed = &r.Rule
	}
	w.result.Total++
	if len(w.result.Differences) >= w.c.limits.Differences {
		return nil
	}
	a, b := leaf(&w.a.nodes[x], w.c.limits.Value), leaf(&w.b.nodes[y], w.c.limits.Value)
	d := Difference{
		Path: pathText(w.root, w.steps, formExact), Kind: k, Monolith: a, Service: b, Lapsed: lapsed,
		Signature: signature(pathText(w.root, w.steps, formGeneral), k, a.Type, b.Type),
	}
	d.Place = d.Signature
	if slices.ContainsFunc(w.steps, func(s step) bool { return s.placed }) {
		d.Place = signature(pathText(w.root, w.steps, formPlace), k, a.Type, b.Type)
	}
	w.result.Differences = append(w.result.Differences, d)
	return nil
}

func (r *Result) excuse(rule *Rule) {
	for i := range r.Excuses {
		if r.Excuses[i].Rule == rule {
			r.Excuses[i].Count++
			return
		}
	}
	r.Excuses = append(r.Excuses, Excuse{Rule: rule, Count: 1})
}
