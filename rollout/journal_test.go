package rollout_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// journal is a ledger over a store that holds n changes of two routes.
func journal(t *testing.T, store rollout.Store, n int) *rollout.Ledger {
	t.Helper()
	before := map[string]*rollout.RouteState{}
	for i := range n {
		route := fmt.Sprint("route-", i%2)
		after := rollout.RouteState{Route: route, Share: routes.PPM(i), Version: uint64(i/2 + 1)}
		c, err := store.Apply(t.Context(), rollout.Change{
			ID: fmt.Sprint(i), Route: route, Verb: rollout.VerbSet, Before: before[route], After: &after,
			Act: rollout.Act{By: "anna <b>", Source: rollout.SourceCLI},
		})
		if err != nil {
			t.Fatal(err)
		}
		before[route] = c.After
	}
	return open(t, store)
}

func TestJournalIsWrittenWholeAndInOrder(t *testing.T) {
	t.Parallel()
	const n = 57
	l := journal(t, new(storetest.Memory), n)
	for _, limit := range []int{0, 1, 10, n, n + 1} {
		var out bytes.Buffer
		if err := rollout.WriteJournal(&out, l.Journal(t.Context(), rollout.Query{Limit: limit})); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(&out)
		var got []rollout.Change
		for lines.Scan() {
			var c rollout.Change
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
			got = append(got, c)
		}
		want, err := l.History(t.Context(), rollout.Query{OldestFirst: true})
		if err != nil || len(want) != n {
			t.Fatalf("%d records, %v", len(want), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestJournalGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	l := journal(t, new(storetest.Memory), 30)
	var seen []uint64
	q := rollout.Query{Route: "route-1", Limit: 4}
	for range 100 {
		n := len(seen)
		for c, err := range l.Journal(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, c.Seq)
			q.After = c.Seq
			if len(seen)-n == 3 {
				break
			}
		}
		if n == len(seen) {
			break
		}
	}
	var want []uint64
	for seq := uint64(2); seq <= 30; seq += 2 {
		want = append(want, seq)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJournalSaysWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	store := &storetest.Faulty{Store: new(storetest.Memory)}
	l := journal(t, store, 20)
	broken := errors.New("broken")
	n := 0
	var out bytes.Buffer
	records := func(yield func(rollout.Change, error) bool) {
		for c, err := range l.Journal(t.Context(), rollout.Query{Limit: 5}) {
			if n++; n == 8 {
				store.Set(storetest.Broken(broken))
			}
			if !yield(c, err) {
				return
			}
		}
	}
	err := rollout.WriteJournal(&out, records)
	store.Set(nil)
	if !errors.Is(err, broken) || bytes.Count(out.Bytes(), []byte("\n")) != 10 || n != 11 {
		t.Errorf("%v, %d records\n%s", err, n, out.Bytes())
	}
}
