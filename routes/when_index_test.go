package routes

import (
	"fmt"
	"testing"
)

// An index finds each route by what the fewest others have in common: by that
// alone the cost stays the same for many routes.
func TestIndexFindsByTheRarestCondition(t *testing.T) {
	t.Parallel()
	const n = 100
	for kind, text := range map[ConditionKind]string{Exact: "tenant-%d/eu", Prefix: "tenant-%d/", Regexp: "^tenant-.*-%dx(eu|us)$"} {
		table := compile(t, conditionRoutes(n, kind, text)...)
		ix := newIndex(table.Routes())
		if len(ix.sources) != 1 || len(ix.rest) > 0 || table.sources[ix.sources[0].source].name != "X-Tenant" {
			t.Fatalf("%s: %+v", text, ix)
		}
		found := ix.sources[0]
		most := 0
		for _, ranks := range found.exact {
			most = max(most, len(ranks))
		}
		for _, out := range found.literals.outputs {
			most = max(most, len(out.ranks))
		}
		if len(found.all) != n || most != 1 {
			t.Errorf("%s: %d routes, up to %d by one text", text, len(found.all), most)
		}
	}
}

// Case-folding expressions need no more literals than others, also with the
// letters that other runes fold to (k and the Kelvin sign, s and the long s).
func TestFoldingNeedsNoMoreLiterals(t *testing.T) {
	t.Parallel()
	const n = 100
	table := compile(t, conditionRoutes(n, Regexp, "(?i)^Kiosks-Desks-É-%dx$")...)
	if found := newIndex(table.Routes()).sources[0].literals.outputs[1:]; len(found) != n {
		t.Errorf("%d literals for %d routes", len(found), n)
	}
	for _, value := range []string{"kiosks-desks-é-42x", "KIOSKS-DESKS-É-42X", "Kioſks-deſKs-é-42x"} {
		r := tenantRequest(0)
		r.Header["X-Tenant"] = []string{value}
		if m := table.Match(r); m.Entry == nil || m.Entry.Index != 42 {
			t.Errorf("%q: %+v, want route 42", value, m)
		}
	}
}

func TestFewRoutesNeedNoIndex(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, indexFrom - 1, indexFrom} {
		table := compile(t, conditionRoutes(n, Exact, "%d")...)
		if ix := newIndex(table.Routes()); (ix != nil) != (n >= indexFrom) {
			t.Errorf("%d routes: %+v", n, ix)
		}
	}
}

// Routes that no text finds are asked as well, in their place.
func TestRoutesWithoutLiteralKeepTheirPlace(t *testing.T) {
	t.Parallel()
	routes := make([]*Route, 0, 2*indexFrom)
	for i := range 2 * indexFrom {
		routes = append(routes, &Route{Name: fmt.Sprint(i), Match: "/", When: When{Headers: map[string]Condition{"X": {Regexp, fmt.Sprintf("t%dz", i)}}}})
	}
	routes[5].When.Headers["X"] = Condition{Regexp, "^.[0-9]+.$"}
	table := compile(t, routes...)
	for value, want := range map[string]string{"t4z": "4", "t5z": "5", "t6z": "5", "t6zz": "6", "x9x": "5", "x": ""} {
		r := &Request{Method: "GET", Path: "/", Header: map[string][]string{"X": {value}}}
		if got := table.Match(r).name(); got != want {
			t.Errorf("%s: route %q, want %q", value, got, want)
		}
	}
}
