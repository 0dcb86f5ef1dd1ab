package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

var errDown = errors.New("the disk is gone")

// bubble runs a test on fake time with a ledger on a store that can fail.
func bubble(t *testing.T, fault storetest.Fault, test func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &storetest.Faulty{Store: new(storetest.Memory)}
		s.Set(fault)
		l, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			s.Set(nil)
			if err := l.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		test(t, s, l)
	})
}

// outcome is how a verb ended, and how long it took.
type outcome struct {
	change rollout.Change
	err    error
	took   time.Duration
}

func inBackground(do func() (rollout.Change, error)) <-chan outcome {
	done := make(chan outcome, 1)
	start := time.Now()
	go func() {
		c, err := do()
		done <- outcome{c, err, time.Since(start)}
	}()
	return done
}

// settled heals the store and waits, on fake time, until everything is stored.
func settled(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) *rollout.Snapshot {
	t.Helper()
	s.Set(nil)
	time.Sleep(time.Minute) //nolint:forbidigo // fake time
	synctest.Wait()
	snapshot := l.Snapshot()
	if !snapshot.Known || len(snapshot.Unsaved) > 0 || snapshot.StoreError != "" || !snapshot.StoreErrorSince.IsZero() {
		t.Errorf("a minute after the store was healed: %+v", snapshot)
	}
	states := newest(t, s)
	delete(states, rollout.AllRoutes)
	same(t, "what is stored", states, snapshot.Routes)
	return snapshot
}

func TestAHoldWaitsForNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(released <-chan struct{}) storetest.Fault{
		"broken": func(<-chan struct{}) storetest.Fault { return storetest.Broken(errDown) },
		"hung":   func(<-chan struct{}) storetest.Fault { return storetest.Hung() },
		"deaf":   storetest.Deaf,
	} {
		for verb, do := range map[string]func(ctx context.Context, l *rollout.Ledger) (rollout.Change, error){
			"hold": func(ctx context.Context, l *rollout.Ledger) (rollout.Change, error) {
				return l.Hold(ctx, "a", time.Time{}, anna)
			},
			"brake": func(ctx context.Context, l *rollout.Ledger) (rollout.Change, error) { return l.Brake(ctx, anna) },
			"lower": func(ctx context.Context, l *rollout.Ledger) (rollout.Change, error) { return l.Set(ctx, "a", 0, anna) },
		} {
			t.Run(name+" "+verb, func(t *testing.T) {
				t.Parallel()
				bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
					t.Helper()
					must(t)(l.Set(t.Context(), "a", 50*percent, anna))
					released := make(chan struct{})
					s.Set(fault(released))
					start := time.Now()
					var seen time.Duration = -1
					defer l.Subscribe(func(s *rollout.Snapshot) {
						state := s.State("a")
						if seen < 0 && (state.Hold || state.Brake || state.Share == 0) {
							seen = time.Since(start)
						}
					})()
					got := <-inBackground(func() (rollout.Change, error) { return do(t.Context(), l) })
					if seen != 0 {
						t.Errorf("in effect after %s", seen)
					}
					if got.err != nil || got.change.Stored || got.took > 2*time.Second || name == "broken" && got.took > 0 {
						t.Errorf("answered %+v", got)
					}
					if unsaved := l.Snapshot().Unsaved; len(unsaved) != 1 || unsaved[0].ID != got.change.ID {
						t.Errorf("unsaved: %+v", unsaved)
					}
					close(released)
					settled(t, s, l)
					found, err := l.History(t.Context(), rollout.Query{Limit: 1})
					if err != nil || found[0].ID != got.change.ID || !found[0].Stored {
						t.Errorf("recorded: %+v, %v", found, err)
					}
					if state := l.Snapshot().State("a"); !state.Hold && !state.Brake && state.Share != 0 {
						t.Errorf("not in effect any more: %+v", state)
					}
				})
			})
		}
	}
}

func TestAwayFromTheMonolithIsRefusedWithoutAStore(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]storetest.Fault{
		"broken": storetest.Broken(errDown), "hung": storetest.Hung(), "answers lost": storetest.Lost(errDown),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
				t.Helper()
				must(t)(l.Set(t.Context(), "a", 5*percent, anna))
				must(t)(l.Hold(t.Context(), "b", time.Time{}, anna))
				before := l.Snapshot()
				defer l.Subscribe(func(s *rollout.Snapshot) {
					if s.Route("a").Share > 5*percent || s.Route("b").Hold == nil {
						t.Errorf("a refused change was in effect: %+v", s.Routes)
					}
				})()
				s.Set(fault)
				for _, do := range []func() (rollout.Change, error){
					func() (rollout.Change, error) { return l.Set(t.Context(), "a", 50*percent, anna) },
					func() (rollout.Change, error) { return l.Release(t.Context(), "b", anna) },
				} {
					got := <-inBackground(do)
					if !errors.Is(got.err, rollout.ErrNotStored) || got.took > 2*time.Second || got.change.ID != "" {
						t.Errorf("answered %+v", got)
					}
				}
				if reason := l.Snapshot().StoreError; name != "hung" && !strings.Contains(reason, errDown.Error()) {
					t.Errorf("store error %q", reason)
				}
				after := settled(t, s, l)
				for route, state := range after.Routes {
					old := before.Route(route)
					state.Version, old.Version = 0, 0 // what was refused may have used some
					same(t, route, state, old)
				}
			})
		})
	}
}

// TestARefusedChangeThatWasStoredIsTakenBack: the caller gave up, then the
// store took it.
func TestARefusedChangeThatWasStoredIsTakenBack(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		first := must(t)(l.Set(t.Context(), "a", 5*percent, anna))
		released := make(chan struct{})
		s.Set(storetest.Deaf(released))
		raise := inBackground(func() (rollout.Change, error) { return l.Set(t.Context(), "a", 50*percent, anna) })
		synctest.Wait()
		hold := inBackground(func() (rollout.Change, error) { return l.Hold(t.Context(), "a", time.Time{}, anna) })
		if got := <-raise; !errors.Is(got.err, rollout.ErrNotStored) {
			t.Errorf("the raise: %+v", got)
		}
		if got := <-hold; got.err != nil || got.change.Stored {
			t.Errorf("the hold: %+v", got)
		}
		close(released)
		state := settled(t, s, l).Route("a")
		if state.Share != 5*percent || state.Hold == nil {
			t.Errorf("in the end: %+v", state)
		}
		found, err := l.History(t.Context(), rollout.Query{Route: "a"})
		if err != nil {
			t.Fatal(err)
		}
		story := make([]string, 0, len(found))
		for _, c := range found {
			story = append(story, fmt.Sprint(c.Verb, " ", c.After.Version, " ", c.After.Share.Percent(), " ", c.Act.Source))
		}
		same(t, "history", story, []string{"hold 4 5 cli", "withdraw 3 5 ledger", "set 2 50 cli", "set 1 5 cli"})
		restored := *first.After
		restored.Version = 3
		same(t, "what the withdrawal restored", found[1].After, &restored)
	})
}

func TestStateThatWasNeverReadIsNotGuessed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storetest.Faulty{Store: new(storetest.Memory)}
		earlier, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		for _, route := range []string{"full", "held later", "lowered"} {
			must(t)(earlier.Set(t.Context(), route, routes.One, anna))
		}
		must(t)(earlier.Hold(t.Context(), "held", time.Time{}, anna))
		if err := earlier.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Set(storetest.Hung())
		start := time.Now()
		l, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
		if err != nil || time.Since(start) > 2*time.Second {
			t.Fatalf("opened after %s: %v", time.Since(start), err)
		}
		if l.Snapshot().Known || l.Snapshot().State("full").Known {
			t.Error("the state is known")
		}
		s.Set(storetest.Broken(errDown))
		must := func(c rollout.Change, err error) {
			t.Helper()
			if err != nil || c.Stored {
				t.Errorf("%+v, %v", c, err)
			}
		}
		must(l.Hold(t.Context(), "held later", time.Time{}, anna))
		must(l.Set(t.Context(), "lowered", 0, anna))
		for name, do := range map[string]func() (rollout.Change, error){
			"raise":   func() (rollout.Change, error) { return l.Set(t.Context(), "full", 50*percent, anna) },
			"release": func() (rollout.Change, error) { return l.Release(t.Context(), "held", anna) },
		} {
			if _, err := do(); !errors.Is(err, rollout.ErrNotStored) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := l.Snapshot(); !s.State("held later").Hold || s.Known || s.State("lowered").Known {
			t.Errorf("unknown, but held: %+v", s)
		}
		after := settled(t, s, l)
		same(t, "full", after.State("full"), routes.State{Known: true, Share: routes.One})
		same(t, "held", after.State("held"), routes.State{Known: true, Hold: true})
		same(t, "held later", after.State("held later"), routes.State{Known: true, Hold: true, Share: routes.One})
		same(t, "lowered", after.State("lowered"), routes.State{Known: true})
		if _, err := l.Release(t.Context(), "held", anna); err != nil {
			t.Error(err)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestTheStoreIsAskedAgainWithGrowingPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storetest.Faulty{Store: new(storetest.Memory)}
		var asked []time.Duration
		start := time.Now()
		s.Set(func(context.Context, func() error) error {
			asked = append(asked, time.Since(start))
			return errDown
		})
		l, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		since := time.Now()
		time.Sleep(25 * time.Second) //nolint:forbidigo // fake time
		synctest.Wait()
		same(t, "asked after", asked, []time.Duration{
			0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond, 1500 * time.Millisecond,
			3100 * time.Millisecond, 6300 * time.Millisecond, 11300 * time.Millisecond, 16300 * time.Millisecond, 21300 * time.Millisecond,
		})
		if got := l.Snapshot(); !got.StoreErrorSince.Equal(since) || !strings.Contains(got.StoreError, errDown.Error()) {
			t.Errorf("%q since %s", got.StoreError, got.StoreErrorSince)
		}
		s.Set(nil)
		time.Sleep(5 * time.Second) //nolint:forbidigo // fake time
		synctest.Wait()
		if !l.Snapshot().Known {
			t.Error("five seconds after the store came back it was not read")
		}
		calls := s.Calls()
		time.Sleep(time.Hour) //nolint:forbidigo // fake time
		if s.Calls() != calls {
			t.Errorf("a store that has everything was asked %d times", s.Calls()-calls)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseStoresWhatItCanAndTellsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, healed := range map[string]bool{"healed": true, "broken": false} {
			s := &storetest.Faulty{Store: new(storetest.Memory)}
			l, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			s.Set(storetest.Broken(errDown))
			if c, err := l.Hold(t.Context(), "a", time.Time{}, anna); err != nil || c.Stored {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
			if healed {
				s.Set(nil)
			}
			err = l.Close(t.Context())
			if healed != (err == nil) || !healed && (!errors.Is(err, rollout.ErrUnsaved) || !errors.Is(err, errDown)) {
				t.Errorf("%s: %v", name, err)
			}
			s.Set(nil)
			if got := len(newest(t, s)); healed != (got == 1) {
				t.Errorf("%s: %d stored", name, got)
			}
			if _, err := l.Brake(t.Context(), anna); !errors.Is(err, rollout.ErrClosed) {
				t.Errorf("%s: after Close: %v", name, err)
			}
			if err := l.Close(t.Context()); healed != (err == nil) {
				t.Errorf("%s: again: %v", name, err)
			}
		}
	})
}

func TestCloseDoesNotWaitForADeafStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storetest.Faulty{Store: new(storetest.Memory)}
		l, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		released := make(chan struct{})
		s.Set(storetest.Deaf(released))
		if _, err := l.Brake(t.Context(), anna); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := l.Close(ctx); !errors.Is(err, rollout.ErrUnsaved) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		close(released)
	})
}

func TestSaltsOutliveTheStore(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		first, err := l.Salts(t.Context(), []string{"a", "b"})
		if err != nil || len(first) != 2 || first["a"] == first["b"] || len(first["a"]) != 16 {
			t.Fatalf("%v, %v", first, err)
		}
		released := make(chan struct{})
		for name, fault := range map[string]storetest.Fault{
			"broken": storetest.Broken(errDown), "hung": storetest.Hung(), "deaf": storetest.Deaf(released),
		} {
			s.Set(fault)
			if again, err := l.Salts(t.Context(), []string{"b", "a"}); err != nil || again["a"] != first["a"] || again["b"] != first["b"] {
				t.Errorf("%s: %v, %v", name, again, err)
			}
			start := time.Now()
			some, err := l.Salts(t.Context(), []string{"a", "c"})
			if err == nil || time.Since(start) > 10*time.Second {
				t.Errorf("%s: a new one after %s: %v", name, time.Since(start), err)
			}
			same(t, "those that are known", some, map[string]string{"a": first["a"]})
			synctest.Wait()
		}
		close(released)
		s.Set(nil)
		healed := make(chan struct{})
		var once sync.Once
		defer l.Subscribe(func(s *rollout.Snapshot) {
			if s.StoreError == "" {
				once.Do(func() { close(healed) })
			}
		})()
		<-healed // whoever needs salts is told when to ask again
		if all, err := l.Salts(t.Context(), []string{"a", "c"}); err != nil || all["a"] != first["a"] || all["c"] == "" {
			t.Errorf("healed: %v, %v", all, err)
		}
	})
}

// TestALateReleaseSparesANewHold: what an operator has not seen is not undone,
// even by a change that names no version.
func TestALateReleaseSparesANewHold(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		must(t)(l.Hold(t.Context(), "a", time.Time{}, anna))
		released := make(chan struct{})
		s.Set(storetest.Deaf(released))
		busy := inBackground(func() (rollout.Change, error) { return l.Set(t.Context(), "b", percent, anna) })
		synctest.Wait()
		release := inBackground(func() (rollout.Change, error) { return l.Release(t.Context(), "a", anna) })
		synctest.Wait()
		guard := inBackground(func() (rollout.Change, error) {
			return l.Hold(t.Context(), "a", time.Time{}, rollout.Act{By: "p95", Reason: "slow", Source: rollout.SourceGuard})
		})
		synctest.Wait()
		s.Set(nil)
		close(released)
		for _, got := range []outcome{<-busy, <-guard} {
			if got.err != nil || !got.change.Stored {
				t.Errorf("%+v", got)
			}
		}
		var conflict *rollout.Conflict
		if got := <-release; !errors.As(got.err, &conflict) || conflict.Last.Act.By != "p95" {
			t.Errorf("the release: %+v", got)
		}
		if hold := l.Snapshot().Route("a").Hold; hold == nil || hold.By != "p95" {
			t.Errorf("hold: %+v", hold)
		}
	})
}

// TestAVerbThatReadsTheJournalDoesNotWaitForItForever: the client's own patience
// is no bound.
func TestAVerbThatReadsTheJournalDoesNotWaitForItForever(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		must(t)(l.Set(t.Context(), "a", 10*percent, anna))
		must(t)(l.Set(t.Context(), "a", 50*percent, anna))
		s.Set(storetest.Hung())
		got := <-inBackground(func() (rollout.Change, error) { return l.Undo(t.Context(), "a", 1, anna) })
		if !errors.Is(got.err, context.DeadlineExceeded) || got.took != 2*time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// TestOfTwoChangesOfOneVersionOneIsRefused: while the raise is on its way to the
// store, a hold of the same version waits for nothing; so the raise is refused.
func TestOfTwoChangesOfOneVersionOneIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		seen := rollout.Act{By: "bob", Reason: "what I saw", Source: rollout.SourceCLI}
		seen.IfVersion = must(t)(l.Set(t.Context(), "a", 10*percent, anna)).After.Version
		released := make(chan struct{})
		s.Set(storetest.Deaf(released))
		raise := inBackground(func() (rollout.Change, error) { return l.Set(t.Context(), "a", 50*percent, seen) })
		synctest.Wait()
		hold := inBackground(func() (rollout.Change, error) { return l.Hold(t.Context(), "a", time.Time{}, seen) })
		synctest.Wait()
		s.Set(nil)
		close(released)
		if got := <-hold; got.err != nil || !got.change.Stored {
			t.Errorf("the hold: %+v", got)
		}
		var conflict *rollout.Conflict
		if got := <-raise; !errors.As(got.err, &conflict) || conflict.Last.Verb != rollout.VerbHold || conflict.Expected != seen.IfVersion {
			t.Errorf("the raise: %+v", got)
		}
		if a := settled(t, s, l).Route("a"); a.Share != 10*percent || a.Hold == nil {
			t.Errorf("%+v", a)
		}
	})
}
