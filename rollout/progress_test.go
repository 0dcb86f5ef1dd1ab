package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// place says in a few words where a route is.
func place(s rollout.RouteState) string {
	text := s.Share.String()
	if s.Hold != nil {
		text += " held"
	}
	if s.Rollout != nil {
		text += fmt.Sprintf(" step %d %s", s.Rollout.Step, s.Rollout.Phase)
		if s.Rollout.ApprovedBy != "" {
			text += " approved by " + s.Rollout.ApprovedBy
		}
	}
	return text
}

func TestTheVerbsOfARollout(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, _ *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		ctx, usual := t.Context(), rollout.DefaultPlan()
		back := usual
		back.OnBreach = rollout.BreachPreviousStep
		freeze := usual
		freeze.OnBreach = rollout.BreachFreeze
		for i, step := range []struct {
			do   func() (rollout.Change, error)
			want string
			err  error
		}{
			{func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, "0 %", rollout.ErrNotStarted},
			{func() (rollout.Change, error) { return l.Pause(ctx, "a", anna) }, "0 %", rollout.ErrNotStarted},
			{func() (rollout.Change, error) { return l.Abort(ctx, "a", anna) }, "0 %", rollout.ErrNotStarted},
			{func() (rollout.Change, error) { return l.RollBack(ctx, "a", usual, anna) }, "0 %", rollout.ErrNotStarted},
			{func() (rollout.Change, error) { return l.Approve(ctx, "a", anna) }, "0 %", rollout.ErrNotStarted},
			{func() (rollout.Change, error) { return l.Start(ctx, "a", usual, anna) }, "1 % step 1 running", nil},
			{func() (rollout.Change, error) { return l.Start(ctx, "a", usual, anna) }, "1 % step 1 running", rollout.ErrStarted},
			{func() (rollout.Change, error) { return l.Resume(ctx, "a", anna) }, "1 % step 1 running", rollout.ErrNotPaused},
			{func() (rollout.Change, error) { return l.Approve(ctx, "a", anna) }, "1 % step 1 running approved by anna", nil},
			{func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, "5 % step 2 running", nil},
			{func() (rollout.Change, error) { return l.Pause(ctx, "a", anna) }, "5 % step 2 paused", nil},
			{func() (rollout.Change, error) { return l.Pause(ctx, "a", anna) }, "5 % step 2 paused", nil},
			{func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, "25 % step 3 paused", nil},
			{func() (rollout.Change, error) { return l.Resume(ctx, "a", anna) }, "25 % step 3 running", nil},
			{func() (rollout.Change, error) { return l.RollBack(ctx, "a", back, anna) }, "5 % step 2 paused", nil},
			{func() (rollout.Change, error) { return l.Resume(ctx, "a", anna) }, "5 % step 2 running", nil},
			{func() (rollout.Change, error) { return l.RollBack(ctx, "a", freeze, anna) }, "5 % step 2 paused", nil},
			{func() (rollout.Change, error) { return l.RollBack(ctx, "a", usual, anna) }, "1 % held step 1 paused", nil},
			{func() (rollout.Change, error) { return l.Release(ctx, "a", anna) }, "1 % step 1 paused", nil},
			{func() (rollout.Change, error) { return l.RollBack(ctx, "a", back, anna) }, "1 % held step 1 paused", nil},
			{func() (rollout.Change, error) { return l.Undo(ctx, "a", 5, anna) }, "25 % step 3 paused", nil},
			{func() (rollout.Change, error) { return l.Undo(ctx, "a", 99, anna) }, "25 % step 3 paused", rollout.ErrNoVersion},
			{func() (rollout.Change, error) { return l.Abort(ctx, "a", anna) }, "0 % step 3 aborted", nil},
			{func() (rollout.Change, error) { return l.Resume(ctx, "a", anna) }, "0 % step 3 aborted", rollout.ErrNotPaused},
			{func() (rollout.Change, error) { return l.Set(ctx, "a", 7*percent, anna) }, "7 % step 3 aborted", nil},
			{func() (rollout.Change, error) { return l.Start(ctx, "a", usual, anna) }, "7 % step 2 running", nil},
			{func() (rollout.Change, error) { return l.Set(ctx, "a", 30*percent, anna) }, "30 % step 2 paused", nil},
			{func() (rollout.Change, error) { return l.Resume(ctx, "a", anna) }, "30 % step 2 running", nil},
			{func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, "50 % step 4 running", nil},
			{func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, "100 % step 5 running", nil},
			{func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, "100 % step 5 running", rollout.ErrLastStep},
			{func() (rollout.Change, error) { return l.Undo(ctx, "a", 0, anna) }, "0 %", nil},
		} {
			time.Sleep(time.Second) //nolint:forbidigo // fake time
			before := l.Snapshot().Route("a")
			c, err := step.do()
			if !errors.Is(err, step.err) {
				t.Errorf("%d: %v", i, err)
			}
			after := l.Snapshot().Route("a")
			if got := place(after); got != step.want {
				t.Errorf("%d: %s, want %s", i, got, step.want)
			}
			if c.ID == "" {
				same(t, "what did not change", after, before)
			} else if !c.Stored || after.Version != before.Version+1 {
				t.Errorf("%d: %+v", i, c)
			}
		}
	})
}

func TestTheStepBeginsAnew(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, _ *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		ctx, usual := t.Context(), rollout.DefaultPlan()
		must(t)(l.Start(ctx, "a", usual, anna))
		for name, verb := range map[string]struct {
			do   func() (rollout.Change, error)
			anew bool
		}{
			"pause":   {func() (rollout.Change, error) { return l.Pause(ctx, "a", anna) }, false},
			"resume":  {func() (rollout.Change, error) { return l.Resume(ctx, "a", anna) }, true},
			"hold":    {func() (rollout.Change, error) { return l.Hold(ctx, "a", time.Time{}, anna) }, false},
			"release": {func() (rollout.Change, error) { return l.Release(ctx, "a", anna) }, true},
			"approve": {func() (rollout.Change, error) { return l.Approve(ctx, "a", anna) }, false},
			"undo":    {func() (rollout.Change, error) { return l.Undo(ctx, "a", 1, anna) }, true},
			"advance": {func() (rollout.Change, error) { return l.Advance(ctx, "a", usual, anna) }, true},
		} {
			switch name { // what must come before
			case "resume":
				must(t)(l.Pause(ctx, "a", anna))
			case "release":
				must(t)(l.Hold(ctx, "a", time.Time{}, anna))
			}
			before := l.Snapshot().Route("a").Rollout.Since
			time.Sleep(time.Minute) //nolint:forbidigo // fake time
			c := must(t)(verb.do())
			if since := c.After.Rollout.Since; since.Equal(time.Now()) != verb.anew || !verb.anew && !since.Equal(before) {
				t.Errorf("%s: the step began %s before", name, time.Since(since))
			}
			must(t)(l.Undo(ctx, "a", 1, anna))
		}
	})
}

func TestRolloutsWithoutAStore(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		ctx, usual := t.Context(), rollout.DefaultPlan()
		for _, route := range []string{"running", "to pause", "to abort", "to roll back"} {
			must(t)(l.Start(ctx, route, usual, anna))
		}
		must(t)(l.Start(ctx, "paused", usual, anna))
		must(t)(l.Pause(ctx, "paused", anna))
		s.Set(storetest.Broken(errDown))
		for route, do := range map[string]func() (rollout.Change, error){
			"to pause":     func() (rollout.Change, error) { return l.Pause(ctx, "to pause", anna) },
			"to abort":     func() (rollout.Change, error) { return l.Abort(ctx, "to abort", anna) },
			"to roll back": func() (rollout.Change, error) { return l.RollBack(ctx, "to roll back", usual, anna) },
		} {
			if c, err := do(); err != nil || c.Stored {
				t.Errorf("%s: %+v, %v", route, c, err)
			}
		}
		for name, do := range map[string]func() (rollout.Change, error){
			"start":   func() (rollout.Change, error) { return l.Start(ctx, "new", usual, anna) },
			"advance": func() (rollout.Change, error) { return l.Advance(ctx, "running", usual, anna) },
			"resume":  func() (rollout.Change, error) { return l.Resume(ctx, "paused", anna) },
			"approve": func() (rollout.Change, error) { return l.Approve(ctx, "running", anna) },
		} {
			if _, err := do(); !errors.Is(err, rollout.ErrNotStored) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := l.Undo(ctx, "paused", 1, anna); !errors.Is(err, errDown) {
			t.Errorf("undo: %v", err)
		}
		after := settled(t, s, l)
		for route, want := range map[string]string{
			"running": "1 % step 1 running", "paused": "1 % step 1 paused", "new": "0 %",
			"to pause": "1 % step 1 paused", "to abort": "0 % step 1 aborted", "to roll back": "1 % held step 1 running",
		} {
			if got := place(after.Route(route)); got != want {
				t.Errorf("%s: %s", route, got)
			}
		}
	})
}

// TestAPauseThatLandsOnAnAbort: another proxy aborted while this one could not
// reach the store.
func TestAPauseThatLandsOnAnAbort(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		ctx, usual := t.Context(), rollout.DefaultPlan()
		must(t)(l.Start(ctx, "a", usual, anna))
		other, err := rollout.Open(ctx, rollout.Options{Store: s.Store, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		s.Set(storetest.Broken(errDown))
		if c, err := l.Pause(ctx, "a", anna); err != nil || c.Stored {
			t.Errorf("pause: %+v, %v", c, err)
		}
		must(t)(other.Abort(ctx, "a", anna))
		if err := other.Close(context.Background()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := settled(t, s, l).Route("a"); place(got) != "0 % step 1 aborted" || got.Version != 3 {
			t.Errorf("in the end: %s, version %d", place(got), got.Version)
		}
	})
}

func TestReasonsThatAreRequired(t *testing.T) {
	t.Parallel()
	l := open(t, new(storetest.Memory))
	quiet := rollout.Act{By: "bob", Source: rollout.SourceAPI}
	must(t)(l.Start(t.Context(), "a", rollout.DefaultPlan(), quiet))
	for name, do := range map[string]func() (rollout.Change, error){
		"pause":     func() (rollout.Change, error) { return l.Pause(t.Context(), "a", quiet) },
		"abort":     func() (rollout.Change, error) { return l.Abort(t.Context(), "a", quiet) },
		"roll back": func() (rollout.Change, error) { return l.RollBack(t.Context(), "a", rollout.DefaultPlan(), quiet) },
		"undo":      func() (rollout.Change, error) { return l.Undo(t.Context(), "a", 0, quiet) },
	} {
		if _, err := do(); !errors.Is(err, rollout.ErrReasonRequired) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := rollout.DefaultPlan()
	bad.Steps = nil
	for name, do := range map[string]func() (rollout.Change, error){
		"start":     func() (rollout.Change, error) { return l.Start(t.Context(), "b", bad, anna) },
		"advance":   func() (rollout.Change, error) { return l.Advance(t.Context(), "a", bad, anna) },
		"roll back": func() (rollout.Change, error) { return l.RollBack(t.Context(), "a", bad, anna) },
	} {
		if _, err := do(); !errors.Is(err, rollout.ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := must(t)(l.Advance(t.Context(), "a", rollout.DefaultPlan(), quiet))
	if got := c.Summary(); got != "bob advance to 5 %" {
		t.Error(got)
	}
	c = must(t)(l.RollBack(t.Context(), "a", rollout.DefaultPlan(), anna))
	if got := c.Summary(); got != `anna roll back to 1 %, held: "because"` || c.After.Share > routes.One/100 {
		t.Error(got)
	}
}
