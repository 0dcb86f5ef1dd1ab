package routes

import (
	"fmt"
	"strings"
)

// maxLoose is how many routes of one pattern are compared with a later one for
// conditions that include its own. Equal conditions are always found.
const maxLoose = 100

// deadRoutes finds routes that no request reaches, because for each of their
// methods an earlier route of the same pattern takes all that they could match.
//
// The earlier route is asked first, so it has at least as many conditions, and
// each of them follows from one of the later route's: then both ask for the
// same values.
func deadRoutes(t *Table) (found Problems) {
	takers := map[*Entry][]*Entry{}
	for _, c := range t.tree.choices {
		if len(c.entries) > 1 {
			takenIn(c.entries, takers)
		}
	}
	for _, e := range t.entries {
		by := takers[e]
		if len(by) == 0 || len(by) < len(e.rules()) {
			continue
		}
		r := e.Route
		found = append(found, r.finding(r.at.match, codeNeverMatches, r.Match,
			fmt.Sprintf("no request reaches this route: %s on line %d takes them all", by[0].Route.Name, by[0].Route.Line),
			"remove it, or give it conditions of its own"))
	}
	return found
}

// takenIn notes for each entry of a group that is never reached who takes its
// requests.
func takenIn(entries []*Entry, takers map[*Entry][]*Entry) {
	equal := map[string]*Entry{}   // by conditions
	loose := map[string][]*Entry{} // with other than exact conditions, by what they ask for
	for _, e := range entries {
		conditions, asked, exact := e.conditions()
		taker := equal[conditions]
		for _, other := range loose[asked] {
			if taker == nil && other.includes(e) {
				taker = other
			}
		}
		if taker != nil {
			takers[e] = append(takers[e], taker)
			continue
		}
		equal[conditions] = e
		if !exact && len(loose[asked]) < maxLoose {
			loose[asked] = append(loose[asked], e)
		}
	}
}

// conditions are e's conditions as one text, the values they ask for as
// another, and whether all are exact.
func (e *Entry) conditions() (conditions, asked string, exact bool) {
	var all, sources strings.Builder
	exact = true
	for i := range e.tests {
		one := &e.tests[i]
		fmt.Fprintf(&all, "%d %d %q ", one.source, one.Kind, one.Text)
		fmt.Fprintf(&sources, "%d ", one.source)
		exact = exact && one.Kind == Exact
	}
	return all.String(), sources.String(), exact
}

// includes reports whether e takes all that later could match; both ask for the
// same values, in the same order.
func (e *Entry) includes(later *Entry) bool {
	for i := range e.tests {
		if !e.tests[i].follows(&later.tests[i]) {
			return false
		}
	}
	return true
}

// follows reports whether t holds whenever given does, as far as that can be
// told: whether one regular expression includes another is not.
func (t *test) follows(given *test) bool {
	switch {
	case t.Condition == given.Condition:
		return true
	case t.Kind == Absent || given.Kind == Absent:
		return false
	case t.Kind == Present:
		return true
	case t.Kind == Prefix:
		return (given.Kind == Exact || given.Kind == Prefix) && strings.HasPrefix(given.Text, t.Text)
	case t.Kind == Regexp:
		return given.Kind == Exact && t.regexp.MatchString(given.Text)
	}
	return false
}
