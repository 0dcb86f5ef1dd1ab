package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/routes"
)

func document(t *testing.T, tab table) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tab.write(&b, "http://127.0.0.1:1", "http://127.0.0.1:2"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A table that Strangler would refuse or warn of measures something else.
func TestTablesAreLoadedWithoutFindings(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 7, 8, 9, 1000} {
		for _, sticky := range []string{stickyVisitor, stickyHeader} {
			tab := table{routes: n, sticky: sticky}
			loaded, problems := routes.Load("routes.yaml", document(t, tab))
			for _, problem := range problems {
				t.Errorf("%d routes: %s", n, problem)
			}
			if loaded == nil {
				continue
			}
			if got := len(loaded.Routes()); got != n {
				t.Errorf("%d routes instead of %d", got, n)
			}
			checkWorkloadsMatch(t, tab, loaded)
		}
	}
}

// checkWorkloadsMatch holds that every request of every workload has a route
// with a service and a declared half.
func checkWorkloadsMatch(t *testing.T, tab table, loaded *routes.Table) {
	t.Helper()
	for _, path := range tab.paths() {
		for _, w := range workloads() {
			full := path + "/" + w.id
			match := loaded.Match(&routes.Request{Method: w.method, Host: siteName, Path: full})
			if match.Entry == nil {
				t.Errorf("%d routes: nothing matches %s %s: %s", tab.routes, w.method, full, match.Reason)
				continue
			}
			route := match.Entry.Route
			if route.Service == "" || route.Percent == nil || *route.Percent != routes.One/2 || route.Sticky.String() != tab.sticky {
				t.Errorf("%d routes: %s %s is served by %+v", tab.routes, w.method, full, route)
			}
		}
	}
}

func TestResourcesAreAllDifferent(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for i := range maxRoutes / len(tableKinds) {
		_, name, path := resource(i)
		if seen[name] || seen[path] {
			t.Fatalf("resource %d, %s, is there twice", i, path)
		}
		seen[name], seen[path] = true, true
	}
	if maxRoutes < 100_000 {
		t.Errorf("the words make %d routes only", maxRoutes)
	}
}

func TestTheLargestTableHasAllItsRoutes(t *testing.T) {
	t.Parallel()
	text := document(t, table{routes: 100_000, sticky: stickyVisitor})
	if got := bytes.Count(text, []byte("\n  - { name: ")); got != 100_000 {
		t.Errorf("%d routes", got)
	}
	paths := table{routes: 100_000}.paths()
	if len(paths) != sampledResources || !strings.HasPrefix(paths[0], "/eu/") || !strings.HasPrefix(paths[len(paths)-1], "/latam/") {
		t.Errorf("%d paths from %s to %s are not spread over the table", len(paths), paths[0], paths[len(paths)-1])
	}
}
