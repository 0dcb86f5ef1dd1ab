package diff

// match tells whether a rule's selectors lead to where the walk stands.
func (w *walk) match(sels []selector, steps []step) bool {
	if len(sels) == 0 {
		for i := range steps {
			if !steps[i].implied {
				return false
			}
		}
		return true
	}
	sel := &sels[0]
	for i := range steps {
		if w.selects(sel, &steps[i]) && w.match(sels[1:], steps[i+1:]) {
			return true
		}
		if !sel.descend && !steps[i].implied {
			return false
		}
	}
	return false
}

// selects tells whether one selector takes one step.
func (w *walk) selects(sel *selector, s *step) bool {
	switch {
	case sel.any:
		return true
	case sel.filter:
		return w.filtered(w.a, s.a, sel) && w.filtered(w.b, s.b, sel) && (s.a != none || s.b != none)
	case sel.index >= 0:
		return s.index == sel.index
	default:
		return s.index < 0 && s.name == sel.name
	}
}

// filtered tells whether a child has the member that a filter asks for. On a
// side that has no such child there is nothing to object to.
func (w *walk) filtered(t *tree, child int32, sel *selector) bool {
	if child == none {
		return true
	}
	member := t.member(child, sel.member)
	return member != none && t.nodes[member].kind.leaf() && t.nodes[member].text == sel.value
}

// member is the first member of an object or element with a name.
func (t *tree) member(of int32, name string) int32 {
	if k := t.nodes[of].kind; k != kindObject && k != kindElement && k != kindMessage {
		return none
	}
	for c := t.nodes[of].first; c != none; c = t.nodes[c].next {
		t.looked++
		if t.nodes[c].name == name && !t.nodes[c].unnamed() {
			return c
		}
	}
	return none
}
