package main

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/flags"
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
		for _, tab := range []table{
			{routes: n, sticky: stickyVisitor}, {routes: n, sticky: stickyHeader},
			{routes: n, sticky: stickyVisitor, decided: byRollout}, {routes: n, sticky: stickyHeader, decided: byFlag},
		} {
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
// with a service and the half that was to be declared.
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
			half := route.Percent != nil && *route.Percent == routes.One/2
			switch tab.decided {
			case byRollout:
				half = route.Rollout != nil && slices.Contains(tab.reading(), route.Name) == (w.method == http.MethodGet || tab.routes == 1)
			case byFlag:
				half = route.Flag != ""
			}
			if route.Service == "" || !half || route.Sticky.String() != tab.sticky {
				t.Errorf("%d routes: %s %s is served by %+v", tab.routes, w.method, full, route)
			}
		}
	}
}

// Every flag that a table names is there, and true for half of the users, for
// each flag another half.
func TestFlagsAreTrueForHalf(t *testing.T) {
	t.Parallel()
	tab := table{routes: 17, sticky: stickyHeader, decided: byFlag}
	name := filepath.Join(t.TempDir(), flagFile)
	if err := writeFile(name, tab.writeFlags); err != nil {
		t.Fatal(err)
	}
	evaluator, err := flags.New(flags.Options{Sources: []flags.Source{flags.FlagdFile(name)}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := evaluator.Close(); err != nil {
			t.Error(err)
		}
	}()
	loaded, _ := routes.Load(tableFile, document(t, tab))
	on := map[string][]bool{}
	for _, entry := range loaded.Routes() {
		flag := entry.Route.Flag
		if on[flag] != nil {
			continue
		}
		for i := range 1000 {
			answer := evaluator.Decide(t.Context(), &flags.Query{Flag: flag, Key: fmt.Sprint("user-", i)})
			if answer.Err != "" {
				t.Fatalf("%s: %s", flag, answer.Err)
			}
			on[flag] = append(on[flag], answer.Value)
		}
	}
	if len(on) != 3 {
		t.Errorf("%d flags for 17 routes of 3 resources", len(on))
	}
	both := 0
	for i := range 1000 {
		n := 0
		for flag := range on {
			if on[flag][i] {
				n++
			}
		}
		if n > 0 && n < len(on) {
			both++
		}
	}
	for flag, values := range on {
		n := 0
		for _, value := range values {
			if value {
				n++
			}
		}
		if n < 420 || n > 580 {
			t.Errorf("%s is true for %d of 1000", flag, n)
		}
	}
	if both < 650 { // 3 in 4, were they tossed
		t.Errorf("the flags say different things to %d of 1000 users only", both)
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
