package rollout_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var anna = rollout.Act{By: "anna", Reason: "because", Source: rollout.SourceCLI}

const percent = routes.One / 100

// open opens a ledger on the store for a test that closes it.
func open(t *testing.T, s rollout.Store) *rollout.Ledger {
	t.Helper()
	l, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil && !errors.Is(err, rollout.ErrUnsaved) {
			t.Error(err)
		}
	})
	return l
}

// must fails the test unless the change was made and stored.
func must(t *testing.T) func(rollout.Change, error) rollout.Change {
	t.Helper()
	return func(c rollout.Change, err error) rollout.Change {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !c.Stored {
			t.Fatalf("%s of %s was not stored", c.Verb, c.Route)
		}
		return c
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func newest(t *testing.T, s rollout.Store) map[string]rollout.RouteState {
	t.Helper()
	saved, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]rollout.RouteState{}
	for route, c := range saved.Newest {
		states[route] = *c.After
	}
	return states
}

func TestLedgerTellsTheStoryOfARoute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 9, 30, 0, 0, time.FixedZone("somewhere", 7200))
	store := new(storetest.Memory)
	l, err := rollout.Open(t.Context(), rollout.Options{Store: store, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close(t.Context()) }()
	at := now.UTC()
	same(t, "a route never touched", l.Snapshot().Route("faq-read"), rollout.RouteState{Route: "faq-read"})

	set := must(t)(l.Set(t.Context(), "faq-read", 25*percent, anna))
	wantSet := rollout.RouteState{Route: "faq-read", Share: 25 * percent, Version: 1, By: "anna", Reason: "because", Source: "cli", Since: at}
	same(t, "set", l.Snapshot().Route("faq-read"), wantSet)
	same(t, "the record", set, rollout.Change{Seq: 1, ID: set.ID, Route: "faq-read", Verb: rollout.VerbSet, After: &wantSet, Act: anna, At: at, Stored: true})

	now = now.Add(time.Minute)
	guard := rollout.Act{By: "p95", Reason: "×1.7", Source: rollout.SourceGuard, IfVersion: 1}
	until := now.Add(time.Hour)
	hold := must(t)(l.Hold(t.Context(), "faq-read", until, guard))
	wantHold := wantSet
	wantHold.Version, wantHold.By, wantHold.Reason, wantHold.Source, wantHold.Since = 2, "p95", "×1.7", "guard", now.UTC()
	wantHold.Hold = &rollout.Hold{By: "p95", Reason: "×1.7", Since: now.UTC(), Until: until.UTC()}
	same(t, "hold", l.Snapshot().Route("faq-read"), wantHold)
	same(t, "what a decision needs", l.Snapshot().State("faq-read"),
		routes.State{Known: true, Hold: true, HoldUntil: until.UTC(), Share: 25 * percent})

	now = now.Add(time.Minute)
	release := must(t)(l.Release(t.Context(), "faq-read", anna))
	wantRelease := wantSet
	wantRelease.Version, wantRelease.Since = 3, now.UTC()
	same(t, "a released hold restores the share", l.Snapshot().Route("faq-read"), wantRelease)

	found, err := l.History(t.Context(), rollout.Query{Route: "faq-read"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "history", found, []rollout.Change{release, hold, set})
	if len(l.Snapshot().Unsaved) != 0 || l.Snapshot().StoreError != "" {
		t.Errorf("unsaved: %+v", l.Snapshot())
	}
	same(t, "stored", newest(t, store), l.Snapshot().Routes)
}

func TestBrakeHoldsEverythingAndItsReleaseRestoresIt(t *testing.T) {
	t.Parallel()
	store := new(storetest.Memory)
	l := open(t, store)
	must(t)(l.Set(t.Context(), "a", 5*percent, anna))
	must(t)(l.Set(t.Context(), "b", routes.One, anna))
	must(t)(l.Hold(t.Context(), "b", time.Time{}, anna))
	before := l.Snapshot()
	must(t)(l.Brake(t.Context(), rollout.Act{By: "bob", Reason: "incident 4711", Source: rollout.SourceConsole}))
	braked := l.Snapshot()
	if braked.Brake == nil || braked.Brake.By != "bob" || braked.Brake.Reason != "incident 4711" || braked.Brake.Since.IsZero() || braked.BrakeVersion != 1 {
		t.Errorf("brake: %+v, version %d", braked.Brake, braked.BrakeVersion)
	}
	for _, route := range []string{"a", "b", "never touched"} {
		if state := braked.State(route); !state.Brake || !state.Known {
			t.Errorf("%s: %+v", route, state)
		}
	}
	same(t, "routes under the brake", braked.Routes, before.Routes)
	must(t)(l.Set(t.Context(), "a", 6*percent, anna)) // the next share can be prepared
	again := open(t, store).Snapshot()
	same(t, "the brake after a restart", again.Brake, braked.Brake)
	must(t)(l.ReleaseBrake(t.Context(), anna))
	if after := l.Snapshot(); after.Brake != nil || after.State("a").Brake || after.BrakeVersion != 2 {
		t.Errorf("released: %+v", after)
	}
	same(t, "b is as it was", l.Snapshot().State("b"), before.State("b"))
	found, err := l.History(t.Context(), rollout.Query{Route: rollout.AllRoutes, Limit: 10})
	if err != nil || len(found) != 2 || found[0].Verb != rollout.VerbBrakeRelease || found[1].Verb != rollout.VerbBrake {
		t.Errorf("history: %+v, %v", found, err)
	}
}

func TestLedgerRefuses(t *testing.T) {
	t.Parallel()
	store := new(storetest.Memory)
	l := open(t, store)
	act := func(change func(*rollout.Act)) rollout.Act {
		a := anna
		change(&a)
		return a
	}
	ctx := t.Context()
	for name, test := range map[string]struct {
		do   func() (rollout.Change, error)
		want error
	}{
		"a hold without a reason": {func() (rollout.Change, error) {
			return l.Hold(ctx, "a", time.Time{}, act(func(a *rollout.Act) { a.Reason = "" }))
		}, rollout.ErrReasonRequired},
		"a hold with a blank reason": {func() (rollout.Change, error) {
			return l.Hold(ctx, "a", time.Time{}, act(func(a *rollout.Act) { a.Reason = "  " }))
		}, rollout.ErrReasonRequired},
		"a brake without a reason": {func() (rollout.Change, error) { return l.Brake(ctx, act(func(a *rollout.Act) { a.Reason = "" })) }, rollout.ErrReasonRequired},
		"nobody":                   {func() (rollout.Change, error) { return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.By = "" })) }, rollout.ErrActorRequired},
		"an unknown source": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.Source = "x" }))
		}, rollout.ErrInvalid},
		"the ledger's own source": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.Source = rollout.SourceLedger }))
		}, rollout.ErrInvalid},
		"a long actor": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.By = strings.Repeat("ä", 101) }))
		}, rollout.ErrInvalid},
		"a long reason": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.Reason = strings.Repeat("ä", 501) }))
		}, rollout.ErrInvalid},
		"an escape in a reason": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.Reason = "\x1b[2J" }))
		}, rollout.ErrInvalid},
		"a line end in an actor": {func() (rollout.Change, error) { return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.By = "a\nb" })) }, rollout.ErrInvalid},
		"a turned reading direction": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.By = "a\u202eb" }))
		}, rollout.ErrInvalid},
		"bad UTF-8": {func() (rollout.Change, error) {
			return l.Set(ctx, "a", 1, act(func(a *rollout.Act) { a.By = "a\xff" }))
		}, rollout.ErrInvalid},
		"above 100 %":             {func() (rollout.Change, error) { return l.Set(ctx, "a", routes.One+1, anna) }, rollout.ErrInvalid},
		"no route":                {func() (rollout.Change, error) { return l.Set(ctx, "", 1, anna) }, rollout.ErrInvalid},
		"the brake as a route":    {func() (rollout.Change, error) { return l.Release(ctx, rollout.AllRoutes, anna) }, rollout.ErrInvalid},
		"a hold that is over":     {func() (rollout.Change, error) { return l.Hold(ctx, "a", time.Now(), anna) }, rollout.ErrInvalid},
		"to release what is free": {func() (rollout.Change, error) { return l.Release(ctx, "a", anna) }, rollout.ErrNotHeld},
		"to release no brake":     {func() (rollout.Change, error) { return l.ReleaseBrake(ctx, anna) }, rollout.ErrNoBrake},
	} {
		if c, err := test.do(); !errors.Is(err, test.want) || c.ID != "" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	must(t)(l.Set(ctx, "b", 1, act(func(a *rollout.Act) { a.By, a.Reason = strings.Repeat("ä", 100), strings.Repeat("世", 500) })))
	if got := newest(t, store); len(got) != 1 {
		t.Errorf("stored: %v", got)
	}
}

func TestSetToTheSameShareIsNoChange(t *testing.T) {
	t.Parallel()
	store := new(storetest.Memory)
	l := open(t, store)
	first := must(t)(l.Set(t.Context(), "a", 5*percent, anna))
	c := must(t)(l.Set(t.Context(), "a", 5*percent, rollout.Act{By: "bob", Source: rollout.SourceAPI}))
	if c.ID != "" || c.Seq != 0 {
		t.Errorf("recorded: %+v", c)
	}
	same(t, "the state", c.After, first.After)
	if found, err := l.History(t.Context(), rollout.Query{}); err != nil || len(found) != 1 {
		t.Errorf("history: %v, %v", found, err)
	}
}

func TestConflictShowsWhatTheOtherDid(t *testing.T) {
	t.Parallel()
	l := open(t, new(storetest.Memory))
	must(t)(l.Set(t.Context(), "a", 5*percent, anna))
	hold := must(t)(l.Hold(t.Context(), "a", time.Time{}, rollout.Act{By: "bob", Reason: "it burns", Source: rollout.SourceConsole}))
	stale := anna
	stale.IfVersion = 1
	for name, do := range map[string]func() (rollout.Change, error){
		"a raise": func() (rollout.Change, error) { return l.Set(t.Context(), "a", routes.One, stale) },
		"a lower": func() (rollout.Change, error) { return l.Set(t.Context(), "a", 0, stale) },
		"release": func() (rollout.Change, error) { return l.Release(t.Context(), "a", stale) },
		"hold":    func() (rollout.Change, error) { return l.Hold(t.Context(), "a", time.Time{}, stale) },
	} {
		_, err := do()
		var conflict *rollout.Conflict
		if !errors.As(err, &conflict) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, name, conflict, &rollout.Conflict{Route: "a", Expected: 1, Current: *hold.After, Last: &hold})
		if text := err.Error(); !strings.Contains(text, `bob hold: "it burns"`) || !strings.Contains(text, "version 2, not 1") {
			t.Errorf("%s: %s", name, text)
		}
	}
	_, err := l.Brake(t.Context(), rollout.Act{By: "anna", Reason: "x", Source: rollout.SourceCLI, IfVersion: 9})
	if want := "the brake was never changed, but version 9 was expected"; err == nil || err.Error() != want {
		t.Errorf("brake: %v", err)
	}
	fresh := anna
	fresh.IfVersion = 2
	must(t)(l.Release(t.Context(), "a", fresh))
}

// TestOperatorsAtOnce has many operators change one route, each from the
// version it last saw: of those who saw the same one, one wins.
func TestOperatorsAtOnce(t *testing.T) {
	t.Parallel()
	l := open(t, new(storetest.Memory))
	must(t)(l.Set(t.Context(), "a", 1, anna))
	const operators, changes = 8, 25
	var all sync.WaitGroup
	for operator := range operators {
		all.Go(func() {
			for done := 0; done < changes; {
				act := anna
				act.IfVersion = l.Snapshot().Route("a").Version
				share := routes.PPM(act.IfVersion*7919%1000*1000) + routes.PPM(operator) + 1
				_, err := l.Set(t.Context(), "a", share, act)
				var conflict *rollout.Conflict
				switch {
				case err == nil:
					done++
				case !errors.As(err, &conflict):
					t.Errorf("Set: %v", err)
					return
				case conflict.Current.Version <= act.IfVersion || conflict.Last == nil:
					t.Errorf("a conflict with nobody: %v", conflict)
					return
				}
			}
		})
	}
	all.Wait()
	found, err := l.History(t.Context(), rollout.Query{Route: "a"})
	if err != nil || len(found) != operators*changes+1 {
		t.Fatalf("%d records, %v", len(found), err)
	}
	for i, c := range found[:len(found)-1] {
		if c.Act.IfVersion != found[i+1].After.Version {
			t.Errorf("a change made on version %d follows version %d", c.Act.IfVersion, found[i+1].After.Version)
		}
	}
}

func TestSubscribersSeeEverySnapshotInOrder(t *testing.T) {
	t.Parallel()
	l := open(t, new(storetest.Memory))
	var versions []uint64
	cancel := l.Subscribe(func(s *rollout.Snapshot) {
		if s != l.Snapshot() {
			t.Error("the ledger is at another snapshot")
		}
		versions = append(versions, s.Route("a").Version)
	})
	if len(versions) != 1 {
		t.Errorf("not called at once: %v", versions)
	}
	must(t)(l.Set(t.Context(), "a", 2, anna))
	if versions[len(versions)-1] != 1 {
		t.Errorf("the verb returned before its snapshot was seen: %v", versions)
	}
	must(t)(l.Set(t.Context(), "a", 1, anna))
	cancel()
	seen := len(versions)
	must(t)(l.Set(t.Context(), "a", 0, anna))
	if len(versions) != seen || versions[seen-1] != 2 {
		t.Errorf("versions: %v", versions)
	}
	cancel() // twice is harmless
}

func TestHoldsThatCoverEachOther(t *testing.T) {
	t.Parallel()
	now := time.Now()
	none, short, long, endless := (*rollout.Hold)(nil), &rollout.Hold{Until: now.Add(time.Hour)}, &rollout.Hold{Until: now.Add(2 * time.Hour)}, &rollout.Hold{}
	for _, test := range []struct {
		hold            *rollout.Hold
		now, later, end bool
	}{{none, false, false, false}, {short, true, false, false}, {long, true, true, false}, {endless, true, true, true}} {
		for i, want := range []bool{test.now, test.later, test.end} {
			at := now.Add([]time.Duration{0, 90 * time.Minute, 24 * time.Hour}[i])
			if got := test.hold.Active(at); got != want {
				t.Errorf("%+v at %s: %v", test.hold, at, got)
			}
		}
	}
	if short.Active(short.Until) {
		t.Error("a hold is in force at its end")
	}
}

func TestOpenWantsItsOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]rollout.Options{"no store": {Now: time.Now}, "no clock": {Store: new(storetest.Memory)}} {
		if _, err := rollout.Open(t.Context(), o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rollout.Open(ended, rollout.Options{Store: new(storetest.Memory), Now: time.Now}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	l := open(t, new(storetest.Memory))
	quiet := rollout.Act{By: "bob", Source: rollout.SourceAPI}
	until := time.Now().Add(time.Hour).UTC()
	for _, test := range []struct {
		change rollout.Change
		want   string
	}{
		{must(t)(l.Set(t.Context(), "a", percent, quiet)), "bob set 1 %"},
		{must(t)(l.Set(t.Context(), "a", 25*percent, anna)), `anna set 25 % (was 1 %): "because"`},
		{must(t)(l.Hold(t.Context(), "a", until, anna)), "anna hold until " + until.Format(time.RFC3339) + `: "because"`},
		{must(t)(l.Release(t.Context(), "a", quiet)), "bob release"},
		{must(t)(l.Brake(t.Context(), anna)), `anna brake: "because"`},
		{must(t)(l.ReleaseBrake(t.Context(), quiet)), "bob brake release"},
	} {
		if got := test.change.Summary(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
