package routes

import "cmp"

// Place is where something stands in a document: line and column from 1, columns
// in characters. It is zero for what no document has.
type Place struct{ Line, Column int }

func (at position) place() Place { return Place{int(at.line), int(at.column)} }

// Place is where the route's name stands, or the route when it has none.
func (r *Route) Place() Place {
	return cmp.Or(r.at.name, r.at.start, position{int32(max(r.Line, 1)), 1}).place()
}

// Place is where the target's name stands.
func (t *Target) Place() Place { return Place{max(t.Line, 1), max(int(t.column), 1)} }

// Place is where the block starts.
func (i *Identity) Place() Place { return i.at.place() }

// PathPlace is where the rule's path stands, WayPlace what it compares by, and
// UntilPlace its last day; each where the rule starts when it does not have it.
func (r *ShadowRule) PathPlace() Place { return cmp.Or(r.at.path, r.at.start).place() }

// WayPlace is explained with PathPlace.
func (r *ShadowRule) WayPlace() Place { return cmp.Or(r.at.way, r.at.path, r.at.start).place() }

// UntilPlace is explained with PathPlace.
func (r *ShadowRule) UntilPlace() Place { return cmp.Or(r.at.until, r.at.path, r.at.start).place() }

// Place is where the shadow starts.
func (s *Shadow) Place() Place { return s.at.start.place() }

// ClearPlace is where an entry of Clear stands.
func (s *Shadow) ClearPlace(i int) Place {
	if i < len(s.at.clear) {
		return s.at.clear[i].place()
	}
	return s.Place()
}
