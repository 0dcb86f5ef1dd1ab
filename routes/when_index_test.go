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
		for _, node := range found.literals.nodes {
			most = max(most, len(node.ranks))
		}
		if len(found.all) != n || most != 1 {
			t.Errorf("%s: %d routes, up to %d by one text", text, len(found.all), most)
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
