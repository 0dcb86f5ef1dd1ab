package routes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConflictNamesBothRoutesAndAnExample(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ first, second, example string }{
		{"/a/{x}", "/{y}/b", "/a/b"},
		{"GET /a/{x}", "/a/b", "GET /a/b"},
		{"/a/b", "HEAD /a/{x}", "HEAD /a/b"},
		{"GET /a/b", "HEAD /a/{x}", "HEAD /a/b"},
		{"/a/{x}/", "/{y}/b/{$}", "/a/b/"},
		{"www.example.com/a/{x...}", "www.example.com/{y}/b%20c", "www.example.com/a/b%20c"},
		{"GET /", "/a", "GET /a"},
		{"/{x}/{y}/c", "/{x}/b/{rest...}", "/x/b/c"},
	} {
		for _, order := range [][2]string{{test.first, test.second}, {test.second, test.first}} {
			_, problems := Compile(&Document{Routes: []*Route{
				{Name: "one", Match: order[0], Line: 10}, {Name: "two", Match: order[1], Line: 20},
			}})
			if len(problems) != 1 {
				t.Errorf("%v: %v", order, problems)
				continue
			}
			p := problems[0]
			if p.Code != "pattern-conflict" || p.Severity != Error || p.Line != 20 || p.Route != "two" || p.Text != order[1] {
				t.Errorf("%v: %+v", order, p)
			}
			for _, want := range []string{"route one (line 10, " + order[0] + ")", "both match " + test.example + ","} {
				if !strings.Contains(p.Message, want) {
					t.Errorf("%v: %q is not in %s", order, want, p.Message)
				}
			}
		}
	}
}

func TestSharedPatternsAndMethodsAreNoConflict(t *testing.T) {
	t.Parallel()
	for _, patterns := range [][]string{
		{"/a/{x}", "/a/{y}"}, {"/a/", "/a/{rest...}"}, {"GET /a", "POST /a", "/a"}, {"GET /a", "HEAD /a"},
		{"a.io/{x}/b", "/a/{y}"}, {"a.io/{x}/b", "b.io/a/{y}"}, {"GET /{x}/b", "POST /a/{y}"}, {"/{x}/{$}", "/a/{y}"},
	} {
		var routes []*Route
		for i, p := range patterns {
			routes = append(routes, &Route{Name: fmt.Sprint(i), Match: p})
		}
		if _, problems := Compile(&Document{Routes: routes}); len(problems) > 0 {
			t.Errorf("%v: %v", patterns, problems)
		}
	}
}

func TestMethodsOfARoute(t *testing.T) {
	t.Parallel()
	table := compile(t,
		&Route{Name: "read", Match: "/a/{id}", Methods: []string{"HEAD", "GET", "OPTIONS"}},
		&Route{Name: "write", Match: "/a/{id}", Methods: []string{"POST", "PUT"}},
		&Route{Name: "read-eu", Match: "GET /a/{id}", When: When{Headers: map[string]Condition{"X": {Exact, "eu"}}}},
		&Route{Name: "any", Match: "/a/{id}"},
	)
	for method, want := range map[string]string{
		"GET": "read-eu", "HEAD": "read-eu", "OPTIONS": "read", "POST": "write", "PUT": "write", "DELETE": "any", "get": "any", "": "any",
	} {
		if got := table.Match(&Request{Method: method, Path: "/a/1", Header: http.Header{"X": {"eu"}}}).name(); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
	routes := []*Route{
		{Name: "1", Match: "/a/{id}", Methods: []string{"GET", "POST"}},
		{Name: "2", Match: "/{x}/b", Methods: []string{"GET", "POST", "PUT"}},
	}
	if _, problems := Compile(&Document{Routes: routes}); len(problems) != 1 {
		t.Errorf("routes that conflict for two methods are one problem: %v", problems)
	}
}

// Every pair that ServeMux's rules call a conflict is reported, and no other.
func TestConflictsAreThoseOfEachPair(t *testing.T) {
	t.Parallel()
	total := 0
	for seed := range uint64(500) {
		d := &dice{random: rand.New(rand.NewPCG(seed, 6))}
		var routes []*Route
		for range 12 {
			p := d.pattern()
			if !slices.ContainsFunc(routes, func(r *Route) bool { return samePattern(t, r.Match, p) }) {
				routes = append(routes, &Route{Name: fmt.Sprint(len(routes)), Match: p, Line: len(routes)})
			}
		}
		want := map[string]bool{}
		for i, a := range routes {
			for _, b := range routes[:i] {
				mux := http.NewServeMux()
				if register(mux, a.Match) == nil && register(mux, b.Match) != nil {
					want[a.Name+" "+b.Name] = true
				}
			}
		}
		_, problems := Compile(&Document{Routes: routes})
		for _, p := range problems {
			other := strings.TrimPrefix(strings.Split(p.Message, " (")[0], "conflicts with route ")
			if !want[p.Route+" "+other] {
				t.Errorf("seed %d: %v is no conflict", seed, p)
			}
			delete(want, p.Route+" "+other)
		}
		if len(want) > 0 {
			t.Errorf("seed %d: not found: %v", seed, want)
		}
		total += len(problems)
	}
	if total < 1000 {
		t.Errorf("only %d conflicts: that tests too little", total)
	}
}

// The example in a conflict is a request that both routes match.
func TestConflictExampleMatchesBoth(t *testing.T) {
	t.Parallel()
	checked := 0
	for seed := range uint64(3000) {
		d := &dice{random: rand.New(rand.NewPCG(seed, 7))}
		a, b := &Route{Name: "a", Match: d.pattern()}, &Route{Name: "b", Match: d.pattern()}
		_, problems := Compile(&Document{Routes: []*Route{a, b}})
		for _, p := range problems {
			_, example, _ := strings.Cut(p.Message, "both match ")
			example, _, _ = strings.Cut(example, ", and")
			method, target, found := strings.Cut(example, " ")
			if !found {
				method, target = "PUT", example
			}
			host, path, _ := strings.Cut(target, "/")
			u := requestTarget(t, "/"+path)
			for _, route := range []*Route{a, b} {
				r := &Request{Method: method, Host: host, Path: u.Path, RawPath: u.RawPath}
				if m := compile(t, route).Match(r); m.Entry == nil {
					t.Errorf("%s does not match %s (%v)", route.Match, example, p)
				}
			}
			checked++
		}
	}
	if checked < 200 {
		t.Errorf("only %d conflicts: that tests too little", checked)
	}
}

// hostile are patterns that nearly meet: most start with wildcards and differ
// late. Comparing each with each would take minutes.
func hostile(n int) []*Route {
	routes := make([]*Route, n)
	for i := range routes {
		group := i / 4
		match := fmt.Sprintf("/{x}/{y}/c%d/{z}", group)
		switch i % 4 {
		case 1:
			match = fmt.Sprintf("/a%d/{y}/c%d/{z}", group, group)
		case 2:
			match = fmt.Sprintf("GET /a%d/b%d/c%d/{z}", group, group, group)
		case 3:
			match = fmt.Sprintf("/{x}/{y}/c%d/{z}/", group)
		}
		routes[i] = &Route{Name: fmt.Sprint(i), Match: match}
	}
	return routes
}

func TestConflictsAreFoundFastInHostileTables(t *testing.T) {
	t.Parallel()
	const n = 20_000
	took := func(want int, routes ...*Route) time.Duration {
		start := time.Now()
		_, problems := Compile(&Document{Routes: routes})
		if len(problems) != want {
			t.Errorf("%d conflicts, want %d: %v", len(problems), want, problems[:min(len(problems), 3)])
		}
		return time.Since(start)
	}
	plain := took(0, pathRoutes(n)...)
	none := took(0, hostile(n)...)
	all := took(maxConflicts, append(hostile(n), &Route{Name: "all", Match: "GET /"})...)
	if max(none, all) > 20*plain {
		t.Errorf("%v, with conflicts %v, where a plain table takes %v", none, all, plain)
	}
}

func BenchmarkCompileHostile(b *testing.B) {
	doc := &Document{Routes: hostile(100_000)}
	for b.Loop() {
		if _, problems := Compile(doc); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
