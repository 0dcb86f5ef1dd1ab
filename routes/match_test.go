package routes

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestMostSpecificWins(t *testing.T) {
	t.Parallel()
	beta := When{Cookies: map[string]Condition{"beta": {Exact, "1"}}}
	table := compile(t,
		&Route{Name: "all", Match: "/"},
		&Route{Name: "home", Match: "/{$}"},
		&Route{Name: "products", Match: "/products/"},
		&Route{Name: "product", Match: "/products/{id}"},
		&Route{Name: "product-new", Match: "GET /products/new", When: beta},
		&Route{Name: "product-get", Match: "GET /products/{id}", When: beta},
		&Route{Name: "product-tabs", Match: "/products/{id}/tabs/{rest...}"},
		&Route{Name: "product-tab", Match: "/products/{id}/tabs/{tab}", When: beta},
		&Route{Name: "host", Match: "shop.io/products/", When: beta},
	)
	for _, test := range []struct{ method, target, cookie, want string }{
		{"GET", "/", "", "home"},
		{"GET", "/x", "", "all"},
		{"GET", "/Products/7", "", "all"}, // paths are case-sensitive
		{"GET", "/products", "", "all"},   // not ServeMux's redirect: the monolith's own answer
		{"GET", "/products-for-sale", "", "all"},
		{"GET", "/products/", "", "products"},
		{"GET", "/products/7", "", "product"},
		{"GET", "/products/7", "beta=1", "product-get"},
		{"HEAD", "/products/7", "beta=1", "product-get"},
		{"POST", "/products/7", "beta=1", "product"},
		{"GET", "/products/new", "", "product"}, // backtracks over two patterns
		{"GET", "/products/new", "beta=1", "product-new"},
		{"GET", "/products/7/", "", "products"},
		{"GET", "/products/7/x", "", "products"},
		{"GET", "/products/7/tabs", "", "products"},
		{"GET", "/products/7/tabs/", "beta=1", "product-tabs"},
		{"GET", "/products/7/tabs/a", "beta=1", "product-tab"},
		{"GET", "/products/7/tabs/a", "beta=0", "product-tabs"},
		{"GET", "/products/7/tabs/a/b", "beta=1", "product-tabs"},
		{"GET", "shop.io/products/7", "beta=1", "host"},
		{"GET", "shop.io/products/7", "", "product"},
	} {
		host, path, _ := strings.Cut(test.target, "/")
		r := &Request{Method: test.method, Host: host, Path: "/" + path, Header: http.Header{"Cookie": {test.cookie}}}
		if got := table.Match(r).name(); got != test.want {
			t.Errorf("%s %s with %q: %s, want %s", test.method, test.target, test.cookie, got, test.want)
		}
	}
}

func TestNoRoute(t *testing.T) {
	t.Parallel()
	for _, table := range []*Table{compile(t), compile(t, &Route{Match: "POST /a"}, &Route{Match: "a.io/"})} {
		if m := table.Match(&Request{Method: "GET", Path: "/a"}); m != (Match{Reason: ReasonNoRoute}) {
			t.Errorf("%+v", m)
		}
	}
}

func TestTableHasItsRoutes(t *testing.T) {
	t.Parallel()
	doc := &Document{Routes: []*Route{{Name: "a", Match: "/a"}, {Name: "b", Match: "/b"}}}
	table, problems := Compile(doc)
	if problems != nil || table.Document() != doc || len(table.Routes()) != 2 || table.Entry("c") != nil {
		t.Fatalf("%+v, %v", table, problems)
	}
	for i, e := range table.Routes() {
		if e.Index != i || e.Route != doc.Routes[i] || table.Entry(e.Route.Name) != e {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
}

// Long texts and deep paths, up to the longest pattern that is taken.
func TestLongPatterns(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("a", maxPattern-1)
	deep := strings.Repeat("/a", maxPattern/2-1)
	table := compile(t, &Route{Match: long}, &Route{Match: long[:300]}, &Route{Match: long[:299] + "b"},
		&Route{Match: deep}, &Route{Match: deep[2:] + "/{x}"}, &Route{Match: "/{rest...}"})
	for path, want := range map[string]int{
		long: 0, long[:300]: 1, long[:299] + "b": 2, deep: 3, deep[2:] + "/b": 4,
		long[:301]: 5, long[:299] + "c": 5, deep + "/": 5, long + "a": 5,
	} {
		if m := table.Match(&Request{Method: "GET", Path: path}); m.Entry == nil || m.Entry.Index != want {
			t.Errorf("%.10s… of %d bytes: %+v, want route %d", path, len(path), m, want)
		}
	}
	if _, err := parsePattern(long + "a"); err == nil || !strings.Contains(err.Error(), "at most 65536") {
		t.Error(err)
	}
}

func TestMatchAndDecideDoNotAllocate(t *testing.T) {
	for _, test := range []struct {
		name  string
		table *Table
		r     *Request
	}{
		{"path", compile(t, pathRoutes(1000)...), pathRequests(1000, false)[0]},
		{"host with port and capitals", compile(t, &Route{Match: "shop.io/"}), &Request{Method: "GET", Host: "Shop.IO.:443", Path: "/a/b", RawPath: "/a/%62"}},
		{"no route", compile(t, &Route{Match: "POST /a"}), &Request{Method: "GET", Path: "/a"}},
		{"ambiguous", compile(t), &Request{Method: "GET", Path: "/a//b"}},
		{"few conditions", compile(t, &Route{Match: "/", When: When{
			Headers: map[string]Condition{"X-Tenant": {Regexp, "^tenant-[0-9]+/"}},
			Query:   map[string]Condition{"q r": {Prefix, "a"}},
			Cookies: map[string]Condition{"c": {Exact, "1"}},
		}}), &Request{Method: "GET", Path: "/", RawQuery: "a=%20&q%20r=abc", Header: http.Header{
			"X-Tenant": {"tenant-7/"}, "Cookie": {"a=b; c=1", "c=1"},
		}}},
		{"1,000 exact", compile(t, conditionRoutes(1000, Exact, "tenant-%d/eu")...), tenantRequest(700)},
		{"1,000 prefixes", compile(t, conditionRoutes(1000, Prefix, "tenant-%d/")...), tenantRequest(700)},
		{"1,000 regexps", compile(t, conditionRoutes(1000, Regexp, "^tenant-%d/(eu|us)$")...), tenantRequest(700)},
		{"1,000 regexps, none holds", compile(t, conditionRoutes(1000, Regexp, "^tenant-%d/(eu|us)$")...), &Request{
			Method: "GET", Path: "/api/", Header: http.Header{"X-Tenant": {strings.Repeat("tenant-7/eu", 100)}, "Accept": {"application/json"}},
		}},
	} {
		facts := Facts{State: State{Known: true, Share: One / 2, Salt: "salt"}, Key: "key"}
		allocs := testing.AllocsPerRun(200, func() {
			request := *test.r // it must not escape
			facts.Match = test.table.Match(&request)
			Decide(facts, noon)
		})
		if allocs != 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", test.name, allocs)
		}
	}
}

// A value that repeats a literal asks its routes once: else a header of a few
// kilobytes costs thousands of searches.
func TestRepeatedLiteralsCostNothing(t *testing.T) {
	t.Parallel()
	table := compile(t, conditionRoutes(100, Regexp, "tenant-%d/.*[0-9]z$")...)
	took := func(value string) time.Duration {
		r := tenantRequest(0)
		r.Header["X-Tenant"] = []string{value}
		start := time.Now()
		for range 20 {
			if m := table.Match(r); m.Reason != ReasonNoRoute {
				t.Fatalf("%+v", m)
			}
		}
		return time.Since(start)
	}
	const literal, times = "tenant-7/", 2000
	once := took(literal + strings.Repeat("x", (times-1)*len(literal)))
	if often := took(strings.Repeat(literal, times)); often > 100*once {
		t.Errorf("%v with the literal once, %v with %d of them", once, often, times)
	}
}

func BenchmarkExplain(b *testing.B) {
	table, r := compile(b, pathRoutes(1000)...), pathRequests(1000, false)[0]
	for b.Loop() {
		table.Explain(r, nil, nil, nil, noon)
	}
}
