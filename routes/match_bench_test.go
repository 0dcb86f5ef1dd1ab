package routes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// pathRoutes are routes as an API has them: services, resources, verbs.
func pathRoutes(n int) []*Route {
	routes := make([]*Route, n)
	for i := range routes {
		match := fmt.Sprintf("/api/v%d/service-%d/items-%d/{id}", i%3+1, i%97, i)
		switch i % 4 {
		case 1:
			match = "GET " + match
		case 2:
			match += "/comments"
		case 3:
			match += "/files/{rest...}"
		}
		routes[i] = &Route{Match: match, Service: "s"}
	}
	return routes
}

// traffic picks among n things: as traffic does, some far more often than
// others (Zipf's law), or all alike.
func traffic(n int, zipf bool) (next func() int) {
	random := rand.New(rand.NewPCG(1, 2))
	if !zipf {
		return func() int { return random.IntN(n) }
	}
	ranks, order := rand.NewZipf(random, 1.1, 1, uint64(n-1)), random.Perm(n)
	return func() int { return order[ranks.Uint64()] }
}

// pathRequests ask for routes of pathRoutes.
func pathRequests(n int, zipf bool) []*Request {
	next := traffic(n, zipf)
	requests := make([]*Request, 1<<14)
	for i := range requests {
		at := next()
		path := fmt.Sprintf("/api/v%d/service-%d/items-%d/%d", at%3+1, at%97, at, i)
		path += []string{"", "", "/comments", "/files/a/b.png"}[at%4]
		requests[i] = &Request{Method: "GET", Host: "www.example.com", Path: path}
	}
	return requests
}

func benchmarkMatch(b *testing.B, table *Table, requests []*Request) {
	b.Helper()
	for _, r := range requests {
		if m := table.Match(r); m.Entry == nil {
			b.Fatalf("%+v: %s", r, m.Reason)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		table.Match(requests[i&(len(requests)-1)])
		i++
	}
}

// With uniform traffic the size of the table shows as cache misses.
func BenchmarkMatchPaths(b *testing.B) {
	for _, kind := range []string{"zipf", "uniform"} {
		for _, n := range []int{100, 1_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				benchmarkMatch(b, compile(b, pathRoutes(n)...), pathRequests(n, kind == "zipf"))
			})
		}
	}
}

func BenchmarkMatchHosts(b *testing.B) {
	for _, n := range []int{10, 1_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			routes, requests := make([]*Route, n), make([]*Request, 1<<14)
			for i := range routes {
				routes[i] = &Route{Match: fmt.Sprintf("tenant-%d.example.com/api/", i)}
			}
			next := traffic(n, true)
			for i := range requests {
				requests[i] = &Request{Method: "GET", Host: fmt.Sprintf("Tenant-%d.example.com:443", next()), Path: "/api/items/7"}
			}
			benchmarkMatch(b, compile(b, routes...), requests)
		})
	}
}

// conditionRoutes differ only by the condition on one header.
func conditionRoutes(n int, kind ConditionKind, text string) []*Route {
	routes := make([]*Route, n)
	for i := range routes {
		routes[i] = &Route{Match: "/api/", When: When{Headers: map[string]Condition{
			"X-Tenant": {Kind: kind, Text: fmt.Sprintf(text, i)},
			"Accept":   {Kind: Exact, Text: "application/json"},
		}}}
	}
	return routes
}

// tenantRequest asks for one of conditionRoutes.
func tenantRequest(at int) *Request {
	return &Request{Method: "GET", Path: "/api/items", Header: http.Header{
		"X-Tenant": {fmt.Sprintf("tenant-%d/eu", at)}, "Accept": {"application/json"},
	}}
}

func BenchmarkMatchConditions(b *testing.B) {
	for _, kind := range []struct {
		name string
		kind ConditionKind
		text string
	}{
		{"exact", Exact, "tenant-%d/eu"},
		{"prefix", Prefix, "tenant-%d/"},
		{"regexp", Regexp, "^tenant-%d/(eu|us)$"},
		{"regexpFold", Regexp, "(?i)^tenant-%d/(eu|us)$"},
	} {
		for _, n := range []int{10, 1_000} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, n), func(b *testing.B) {
				next, requests := traffic(n, true), make([]*Request, 1<<14)
				for i := range requests {
					requests[i] = tenantRequest(next())
				}
				benchmarkMatch(b, compile(b, conditionRoutes(n, kind.kind, kind.text)...), requests)
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	doc := &Document{Routes: pathRoutes(100_000)}
	for i, r := range doc.Routes {
		r.Name = fmt.Sprint(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := Compile(doc); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkBucket(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Bucket("5d41402abc4b2a76b9719d91", "018f2c6e-8a9b-7c3d-9e0f-1a2b3c4d5e6f")
	}
}

func BenchmarkDecide(b *testing.B) {
	table := compile(b, &Route{Match: "/", Service: "s"})
	facts := Facts{
		Match: Match{Entry: table.Routes()[0]}, Key: "018f2c6e-8a9b-7c3d-9e0f-1a2b3c4d5e6f",
		State: State{Known: true, Share: One / 4, Salt: "5d41402abc4b2a76b9719d91"},
	}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		Decide(facts, now)
	}
}
