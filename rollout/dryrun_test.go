package rollout_test

import (
	"errors"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// TestADryRunSaysWhatWouldChangeAndChangesNothing asks each verb for what it
// would do, then does it: the states must be the same, and until then nothing
// may have moved.
func TestADryRunSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	t.Parallel()
	ctx, l, plan := t.Context(), open(t, new(storetest.Memory)), rollout.DefaultPlan()
	plan.Every = 0
	for _, step := range []func(rollout.Act) (rollout.Change, error){
		func(a rollout.Act) (rollout.Change, error) { return l.Set(ctx, "a", 2*percent, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Set(ctx, "a", 1*percent, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Hold(ctx, "a", time.Time{}, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Release(ctx, "a", a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Start(ctx, "a", plan, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Advance(ctx, "a", plan, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Pause(ctx, "a", a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Resume(ctx, "a", a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Undo(ctx, "a", 2, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.Brake(ctx, a) },
		func(a rollout.Act) (rollout.Change, error) { return l.ReleaseBrake(ctx, a) },
	} {
		before := l.Snapshot()
		act := anna
		act.DryRun = true
		told, err := step(act)
		if err != nil {
			t.Fatal(err)
		}
		if l.Snapshot() != before {
			t.Fatalf("a dry run of %s has changed something", told.Verb)
		}
		if told.ID != "" || told.Stored || !told.Act.DryRun {
			t.Errorf("a dry run of %s looks like a change: %+v", told.Verb, told)
		}
		made := must(t)(step(anna))
		same(t, "share after "+string(made.Verb), told.After.Share, made.After.Share)
		same(t, "version", told.After.Version, made.After.Version)
		same(t, "held", told.After.Hold != nil, made.After.Hold != nil)
		same(t, "rollout", told.After.Rollout != nil, made.After.Rollout != nil)
	}
	journal, err := l.History(ctx, rollout.Query{})
	if err != nil || len(journal) != 11 {
		t.Errorf("%d records, %v", len(journal), err)
	}
}

func TestADryRunIsRefusedLikeTheChange(t *testing.T) {
	t.Parallel()
	l, act := open(t, new(storetest.Memory)), anna
	act.DryRun = true
	if _, err := l.Release(t.Context(), "a", act); !errors.Is(err, rollout.ErrNotHeld) {
		t.Errorf("release: %v", err)
	}
	act.IfVersion = 7
	conflict := new(rollout.Conflict)
	if _, err := l.Set(t.Context(), "a", routes.One, act); !errors.As(err, &conflict) {
		t.Errorf("set: %v", err)
	}
}
