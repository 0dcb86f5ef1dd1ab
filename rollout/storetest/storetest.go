// Package storetest holds the tests that every rollout.Store must pass, a
// store in memory, and one that fails on demand. Only tests use it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// Run holds a store against what rollout.Store promises. open makes an empty
// store, and reopen, unless it is nil, opens again what the given store has
// stored.
func Run(t *testing.T, open func(t *testing.T) rollout.Store, reopen func(t *testing.T, s rollout.Store) rollout.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, rollout.Store){
		"an empty store is empty":              testEmpty,
		"a record is read as it was written":   testRoundTrip,
		"writing again is harmless":            testIdempotent,
		"a stale change is refused":            testStale,
		"one of many rivals wins":              testRivals,
		"history is newest first, and bounded": testHistory,
		"history is filtered":                  testFilters,
		"a filtered page ends where asked":     testFilteredPages,
		"history by time, to the nanosecond":   testTimes,
		"the newest change of each route":      testNewest,
		"a salt never changes":                 testSalts,
		"many salts at once":                   testManySalts,
		"rivals get the same salts":            testSaltRivals,
		"an ended context ends the call":       testContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	if reopen != nil {
		t.Run("what is stored stays", func(t *testing.T) {
			t.Parallel()
			testReopen(t, open(t), reopen)
		})
	}
}

var epoch = time.Date(2026, 5, 4, 9, 30, 0, 123456789, time.UTC)

// step makes the change that leads a route to the version given, from state
// before.
func step(id, route string, before *rollout.RouteState, share routes.PPM) rollout.Change {
	after := rollout.RouteState{Route: route, Share: share, Version: 1, By: "anna", Reason: "why " + id, Source: rollout.SourceCLI, Since: epoch}
	if before != nil {
		after.Version = before.Version + 1
	}
	return rollout.Change{
		ID: id, Route: route, Verb: rollout.VerbSet, Before: before, After: &after, At: epoch,
		Act: rollout.Act{By: "anna", Reason: "why " + id, Source: rollout.SourceCLI},
	}
}

func apply(t *testing.T, s rollout.Store, c rollout.Change) rollout.Change {
	t.Helper()
	stored, err := s.Apply(t.Context(), c)
	if err != nil {
		t.Fatalf("Apply(%s): %v", c.ID, err)
	}
	return stored
}

func load(t *testing.T, s rollout.Store) map[string]rollout.Change {
	t.Helper()
	saved, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return saved.Newest
}

func history(t *testing.T, s rollout.Store, q rollout.Query) []rollout.Change {
	t.Helper()
	found, err := s.History(t.Context(), q)
	if err != nil {
		t.Fatalf("History(%+v): %v", q, err)
	}
	return found
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testEmpty(t *testing.T, s rollout.Store) {
	t.Helper()
	if newest := load(t, s); newest == nil || len(newest) != 0 {
		t.Errorf("Load: %v", newest)
	}
	if found := history(t, s, rollout.Query{}); len(found) != 0 {
		t.Errorf("History: %v", found)
	}
	if salts, err := s.Salts(t.Context(), nil, func() string { panic("asked for a salt") }); err != nil || len(salts) != 0 {
		t.Errorf("Salts: %v, %v", salts, err)
	}
}

// testRoundTrip writes every field, with text that is hard on encodings.
func testRoundTrip(t *testing.T, s rollout.Store) {
	t.Helper()
	hard := "it's \"50%\" <b>&\\ \u00e4\u4e16\U0001F525 '; DROP TABLE change; --"
	c := step("first", "faq-read", nil, 1)
	c.Verb = rollout.VerbHold
	c.After.Hold = &rollout.Hold{By: hard, Reason: hard, Since: epoch, Until: epoch.Add(time.Hour)}
	c.After.Rollout = &rollout.Progress{Phase: rollout.Paused, Step: 3, Since: epoch.Add(time.Minute), ApprovedBy: hard}
	c.Act = rollout.Act{By: hard, Reason: hard, Source: rollout.SourceGuard, IfVersion: 1<<64 - 2}
	first := apply(t, s, c)
	want := c
	want.Seq, want.Stored = first.Seq, true
	if first.Seq == 0 {
		t.Error("the record has no place in the journal")
	}
	same(t, "Apply", first, want)
	second := apply(t, s, step("second", "faq-read", first.After, routes.One))
	if second.Seq <= first.Seq {
		t.Errorf("place %d after %d", second.Seq, first.Seq)
	}
	same(t, "History", history(t, s, rollout.Query{}), []rollout.Change{second, first})
	same(t, "Load", load(t, s), map[string]rollout.Change{"faq-read": second})
}

func testIdempotent(t *testing.T, s rollout.Store) {
	t.Helper()
	first := apply(t, s, step("first", "a", nil, 10))
	same(t, "the same change again", apply(t, s, step("first", "a", nil, 10)), first)
	second := apply(t, s, step("second", "a", first.After, 20))
	same(t, "an old change again", apply(t, s, step("first", "a", nil, 10)), first)
	same(t, "another change by that name", apply(t, s, step("first", "a", second.After, 30)), first)
	same(t, "History", history(t, s, rollout.Query{}), []rollout.Change{second, first})
}

func testStale(t *testing.T, s rollout.Store) {
	t.Helper()
	first := apply(t, s, step("first", "a", nil, 10))
	ahead := *first.After
	ahead.Version = 7
	for id, c := range map[string]rollout.Change{
		"from nothing": step("from nothing", "a", nil, 20),
		"from ahead":   step("from ahead", "a", &ahead, 20),
		"elsewhere":    step("elsewhere", "b", first.After, 20),
	} {
		if _, err := s.Apply(t.Context(), c); !errors.Is(err, rollout.ErrStale) {
			t.Errorf("%s: %v", id, err)
		}
	}
	same(t, "History", history(t, s, rollout.Query{}), []rollout.Change{first})
	apply(t, s, step("second", "a", first.After, 20))
}

func testRivals(t *testing.T, s rollout.Store) {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	const rivals, rounds = 8, 5
	for rival := range rivals {
		all.Go(func() {
			var before *rollout.RouteState
			for round := range rounds {
				c, err := s.Apply(t.Context(), step(fmt.Sprint(rival, "-", round), "a", before, routes.PPM(rival)))
				switch {
				case err == nil:
					won.Add(1)
					before = c.After
				case errors.Is(err, rollout.ErrStale):
					if newest, ok := load(t, s)["a"]; ok {
						before = newest.After
					}
				default:
					t.Errorf("Apply: %v", err)
				}
			}
		})
	}
	all.Wait()
	found := history(t, s, rollout.Query{Route: "a"})
	if int64(len(found)) != won.Load() || len(found) < rounds {
		t.Errorf("%d acknowledged, %d recorded", won.Load(), len(found))
	}
	for i, c := range found {
		if c.After.Version != uint64(len(found)-i) {
			t.Errorf("record %d has version %d", i, c.After.Version)
		}
		if i+1 < len(found) {
			same(t, "a change starts where the one before ended", c.Before, found[i+1].After)
		}
	}
}

func testNewest(t *testing.T, s rollout.Store) {
	t.Helper()
	want := map[string]rollout.Change{}
	for _, route := range []string{"a", "b", "A", "a%", rollout.AllRoutes} {
		first := apply(t, s, step(route+"1", route, nil, 10))
		want[route] = apply(t, s, step(route+"2", route, first.After, 20))
	}
	same(t, "Load", load(t, s), want)
}

func testSalts(t *testing.T, s rollout.Store) {
	t.Helper()
	n := 0
	fresh := func() string { n++; return fmt.Sprint("salt-", n) }
	get := func(cohorts ...string) map[string]string {
		t.Helper()
		salts, err := s.Salts(t.Context(), cohorts, fresh)
		if err != nil {
			t.Fatalf("Salts: %v", err)
		}
		return salts
	}
	same(t, "two", get("a", "b", "a"), map[string]string{"a": "salt-1", "b": "salt-2"})
	same(t, "one more", get("b", "c"), map[string]string{"b": "salt-2", "c": "salt-3"})
	hard := "\u00e4\u4e16 \"quoted\" \\ <&> ' 100%"
	same(t, "a hard name", get(hard), map[string]string{hard: "salt-4"})
	same(t, "case counts", get("A"), map[string]string{"A": "salt-5"})
	same(t, "all", get("c", "b", "a", hard, "A"), map[string]string{"a": "salt-1", "b": "salt-2", "c": "salt-3", hard: "salt-4", "A": "salt-5"})
	same(t, "fresh salts asked for", n, 5)
}

func testManySalts(t *testing.T, s rollout.Store) {
	t.Helper()
	cohorts := make([]string, 10_000)
	for i := range cohorts {
		cohorts[i] = fmt.Sprint("cohort-", i)
	}
	first, err := s.Salts(t.Context(), cohorts[:len(cohorts)/2], func() string { return "first" })
	if err != nil || len(first) != len(cohorts)/2 {
		t.Fatalf("%d salts, %v", len(first), err)
	}
	all, err := s.Salts(t.Context(), cohorts, func() string { return "second" })
	if err != nil || len(all) != len(cohorts) {
		t.Fatalf("%d salts, %v", len(all), err)
	}
	for i, cohort := range cohorts {
		if want := map[bool]string{true: "first", false: "second"}[i < len(cohorts)/2]; all[cohort] != want {
			t.Fatalf("%s has %q", cohort, all[cohort])
		}
	}
}

func testSaltRivals(t *testing.T, s rollout.Store) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]string{}
	var n atomic.Int64
	var all sync.WaitGroup
	for rival := range 8 {
		all.Go(func() {
			salts, err := s.Salts(t.Context(), []string{"x", "y", fmt.Sprint(rival)}, func() string { return fmt.Sprint("salt-", n.Add(1)) })
			if err != nil {
				t.Errorf("Salts: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for cohort, salt := range salts {
				if old, ok := seen[cohort]; ok && old != salt {
					t.Errorf("%s has %s and %s", cohort, old, salt)
				}
				seen[cohort] = salt
			}
		})
	}
	all.Wait()
	if len(seen) != 10 || strings.Join([]string{seen["x"], seen["y"]}, "") == "" {
		t.Errorf("salts: %v", seen)
	}
}

func testContext(t *testing.T, s rollout.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Apply(ctx, step("late", "a", nil, 10)); err == nil {
		t.Error("Apply took a change whose context had ended")
	}
	if _, err := s.Load(ctx); err == nil {
		t.Error("Load answered")
	}
	if _, err := s.Salts(ctx, []string{"a"}, func() string { return "late" }); err == nil {
		t.Error("Salts answered")
	}
	if newest := load(t, s); len(newest) != 0 {
		t.Errorf("something was stored: %v", newest)
	}
}

func testReopen(t *testing.T, s rollout.Store, reopen func(*testing.T, rollout.Store) rollout.Store) {
	t.Helper()
	first := apply(t, s, step("first", "a", nil, 10))
	salts, err := s.Salts(t.Context(), []string{"a"}, func() string { return "salt" })
	if err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	same(t, "Load", load(t, s), map[string]rollout.Change{"a": first})
	again, err := s.Salts(t.Context(), []string{"a"}, func() string { return "another" })
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Salts", again, salts)
	second := apply(t, s, step("second", "a", first.After, 20))
	if second.Seq <= first.Seq {
		t.Errorf("place %d after %d", second.Seq, first.Seq)
	}
}
