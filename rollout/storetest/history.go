package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// fill makes a journal of 60 records in which every route, actor, source and
// verb comes with every other, and answers it, newest first.
func fill(t *testing.T, s rollout.Store) (all []rollout.Change) {
	t.Helper()
	before := map[string]*rollout.RouteState{}
	for i := range 60 {
		route := []string{"a", "b", rollout.AllRoutes}[i%3]
		c := step(fmt.Sprint(i), route, before[route], routes.PPM(i))
		c.Act.By = []string{"anna", "Anna", "an%", "guard"}[i%4]
		c.Act.Source = []string{rollout.SourceCLI, rollout.SourceAPI, rollout.SourceGuard, rollout.SourceConsole, rollout.SourceController}[i%5]
		c.Verb = []rollout.Verb{rollout.VerbSet, rollout.VerbHold}[i/2%2]
		c.At = epoch.Add(time.Duration(i) * time.Minute)
		c = apply(t, s, c)
		before[route] = c.After
		all = append(all, c)
	}
	slices.Reverse(all)
	return all
}

// having keeps the records that keep says.
func having(all []rollout.Change, keep func(rollout.Change) bool) (found []rollout.Change) {
	for _, c := range all {
		if keep(c) {
			found = append(found, c)
		}
	}
	return found
}

func turned(all []rollout.Change) []rollout.Change {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

func testHistory(t *testing.T, s rollout.Store) {
	t.Helper()
	all := fill(t, s)
	of := func(route string) []rollout.Change {
		return having(all, func(c rollout.Change) bool { return c.Route == route })
	}
	last := len(all) - 1
	same(t, "all", history(t, s, rollout.Query{}), all)
	same(t, "limited", history(t, s, rollout.Query{Limit: 4}), all[:4])
	same(t, "a limit below 0", history(t, s, rollout.Query{Limit: -1}), all)
	same(t, "a page", history(t, s, rollout.Query{Before: all[3].Seq, Limit: 4}), all[4:8])
	same(t, "a route", history(t, s, rollout.Query{Route: "b"}), of("b"))
	same(t, "the brake", history(t, s, rollout.Query{Route: rollout.AllRoutes}), of(rollout.AllRoutes))
	same(t, "a route's page", history(t, s, rollout.Query{Route: "a", Before: of("a")[2].Seq, Limit: 3}), of("a")[3:6])
	same(t, "before the first", len(history(t, s, rollout.Query{Before: all[last].Seq})), 0)
	same(t, "a huge limit", history(t, s, rollout.Query{Limit: 1 << 30, Before: 1<<64 - 1}), all)
	same(t, "an unknown route", len(history(t, s, rollout.Query{Route: "nobody"})), 0)
	same(t, "oldest first", history(t, s, rollout.Query{OldestFirst: true}), turned(all))
	same(t, "the oldest", history(t, s, rollout.Query{OldestFirst: true, Limit: 2}), turned(all)[:2])
	same(t, "onward", history(t, s, rollout.Query{OldestFirst: true, After: all[9].Seq, Limit: 3}), turned(all[6:9]))
	same(t, "a route onward", history(t, s, rollout.Query{OldestFirst: true, Route: "b", After: of("b")[4].Seq}), turned(of("b")[:4]))
	same(t, "after, newest first", history(t, s, rollout.Query{After: all[9].Seq, Limit: 3}), all[:3])
	same(t, "between", history(t, s, rollout.Query{After: all[9].Seq, Before: all[5].Seq}), all[6:9])
	same(t, "after the last", len(history(t, s, rollout.Query{After: all[0].Seq})), 0)
	same(t, "after all there could be", len(history(t, s, rollout.Query{After: 1<<64 - 1})), 0)
}

func testFilters(t *testing.T, s rollout.Store) {
	t.Helper()
	all := fill(t, s)
	for name, test := range map[string]struct {
		q    rollout.Query
		keep func(rollout.Change) bool
	}{
		"an actor":                 {rollout.Query{Actor: "anna"}, func(c rollout.Change) bool { return c.Act.By == "anna" }},
		"an actor named like LIKE": {rollout.Query{Actor: "an%"}, func(c rollout.Change) bool { return c.Act.By == "an%" }},
		"a source":                 {rollout.Query{Source: rollout.SourceGuard}, func(c rollout.Change) bool { return c.Act.Source == rollout.SourceGuard }},
		"a verb":                   {rollout.Query{Verb: rollout.VerbHold}, func(c rollout.Change) bool { return c.Verb == rollout.VerbHold }},
		"all of them": {
			rollout.Query{Route: "a", Actor: "anna", Source: rollout.SourceCLI, Verb: rollout.VerbSet},
			func(c rollout.Change) bool {
				return c.Route == "a" && c.Act.By == "anna" && c.Act.Source == rollout.SourceCLI && c.Verb == rollout.VerbSet
			},
		},
		"a route and an actor": {rollout.Query{Route: "b", Actor: "guard"}, func(c rollout.Change) bool { return c.Route == "b" && c.Act.By == "guard" }},
		"nobody":               {rollout.Query{Actor: "nobody' OR 1=1 --"}, func(rollout.Change) bool { return false }},
	} {
		want := having(all, test.keep)
		if len(want) == len(all) || len(want) == 0 != (name == "nobody") {
			t.Fatalf("%s selects %d of %d: the test is broken", name, len(want), len(all))
		}
		same(t, name, history(t, s, test.q), want)
		test.q.OldestFirst = true
		same(t, name+", oldest first", history(t, s, test.q), turned(want))
	}
}

// testFilteredPages reads by every filter in pages, both ways: a limit counts
// what is selected, not what is looked at.
func testFilteredPages(t *testing.T, s rollout.Store) {
	t.Helper()
	fill(t, s)
	for _, q := range []rollout.Query{
		{}, {Route: "a"}, {Actor: "anna"}, {Source: rollout.SourceAPI}, {Verb: rollout.VerbHold},
		{Route: "b", Verb: rollout.VerbSet}, {Since: epoch.Add(7 * time.Minute), Until: epoch.Add(50 * time.Minute)},
	} {
		whole := history(t, s, q)
		for _, q.OldestFirst = range []bool{false, true} {
			want := whole
			if q.OldestFirst {
				want = turned(whole)
			}
			var read []rollout.Change
			paged := q
			paged.Limit = 7
			for range len(whole) {
				found := history(t, s, paged)
				read = append(read, found...)
				if len(found) < paged.Limit {
					break
				}
				if q.OldestFirst {
					paged.After = found[len(found)-1].Seq
				} else {
					paged.Before = found[len(found)-1].Seq
				}
			}
			same(t, fmt.Sprintf("%+v in pages", q), read, want)
		}
	}
}

// testTimes asks by times whose text does not sort as they do.
func testTimes(t *testing.T, s rollout.Store) {
	t.Helper()
	second := time.Date(2026, 5, 4, 9, 30, 59, 0, time.UTC)
	times := []time.Time{
		second.Add(-time.Nanosecond), second, second.Add(time.Nanosecond), second.Add(100 * time.Millisecond),
		second.Add(120 * time.Millisecond), second.Add(120*time.Millisecond + 1), second.Add(time.Second),
	}
	all := make([]rollout.Change, 0, len(times))
	var before *rollout.RouteState
	for i, at := range times {
		c := step(fmt.Sprint(i), "a", before, routes.PPM(i))
		c.At = at
		c = apply(t, s, c)
		before = c.After
		all = append(all, c)
	}
	elsewhere := time.FixedZone("elsewhere", 5*60*60+30*60)
	for i, from := range times {
		for j, to := range times {
			var want []rollout.Change
			if i < j {
				want = all[i:j]
			}
			q := rollout.Query{Since: from.In(elsewhere), Until: to, OldestFirst: true}
			same(t, fmt.Sprintf("from %d until %d", i, j), history(t, s, q), want)
		}
		same(t, fmt.Sprintf("since %d", i), history(t, s, rollout.Query{Since: from, OldestFirst: true}), all[i:])
	}
}
