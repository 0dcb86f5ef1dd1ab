package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

const stepwise = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE }
monolith: monolith
routes:
  - name: steps
    match: /steps/{rest...}
    service: s
    owner: o
    fallback: [connect]
    rollout: { steps: [1, 50, 100], every: 1h, gates: { approval: [carla], approval_above: 10 } }
  - { name: fixed, match: /fixed, service: s, owner: o, fallback: [connect], percent: 5 }
  - { name: flagged, match: /flagged, service: s, owner: o, fallback: [connect], flag: my-flag }
  - { name: free, match: /free, service: s, owner: o, fallback: [connect] }
`

func TestRolloutVerbsKeepToThePlanOfTheTable(t *testing.T) {
	t.Parallel()
	b, ctx := newBed(t, stepwise), context.Background()
	carla, dry := act, act
	carla.By, dry.DryRun = "carla", true
	_, err := b.Start(ctx, "steps", dry)
	must(t, err)
	equal(t, "share after a dry run", b.ledger.Snapshot().Route("steps").Share, 0)
	made, err := b.Start(ctx, "steps", act)
	must(t, err)
	equal(t, "share", made.After.Share, routes.One/100)
	_, err = b.Advance(ctx, "steps", act)
	equal(t, "advance without approval", errors.Is(err, rollout.ErrNotApproved), true)
	_, err = b.Approve(ctx, "steps", act)
	equal(t, "approval by anybody", errors.Is(err, rollout.ErrNotApproved), true)
	_, err = b.Approve(ctx, "steps", carla)
	must(t, err)
	_, err = b.Advance(ctx, "steps", act)
	must(t, err)
	_, err = b.Pause(ctx, "steps", act)
	must(t, err)
	_, err = b.Resume(ctx, "steps", act)
	must(t, err)
	_, err = b.Abort(ctx, "steps", act)
	must(t, err)
	// What needs approval to be raised is not raised by an undo either.
	_, err = b.Undo(ctx, "steps", nil, act)
	equal(t, "undo to 50 % without approval", errors.Is(err, rollout.ErrNotApproved), true)
	first := uint64(1)
	made, err = b.Undo(ctx, "steps", &first, act)
	must(t, err)
	equal(t, "share at version 1", made.After.Share, routes.One/100)
	journal, err := b.History(ctx, rollout.Query{Route: "steps"})
	must(t, err)
	equal(t, "records", len(journal), 7)
}

func TestRolloutVerbsSayWhereTheTableDecides(t *testing.T) {
	t.Parallel()
	b, ctx := newBed(t, stepwise), context.Background()
	all := map[string]func(context.Context, string, rollout.Act) (rollout.Change, error){
		"start": b.Start, "advance": b.Advance, "pause": b.Pause, "resume": b.Resume, "approve": b.Approve, "abort": b.Abort,
		"undo": func(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
			return b.Undo(ctx, route, nil, a)
		},
		"set": func(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
			return b.Set(ctx, route, 1, a)
		},
	}
	for name, verb := range all {
		for route, place := range map[string]string{"fixed": b.path + ":13", "flagged": b.path + ":14"} {
			_, err := verb(ctx, route, act)
			if !errors.Is(err, ErrDeclared) || !strings.Contains(err.Error(), place) || HTTPStatus(err) != 422 {
				t.Errorf("%s of %s: %v", name, route, err)
			}
		}
		if _, err := verb(ctx, "fre", act); !errors.Is(err, ErrUnknownRoute) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"start", "advance", "resume", "approve"} {
		if _, err := all[name](ctx, "free", act); !errors.Is(err, ErrNoPlan) || !strings.Contains(err.Error(), b.path+":15") {
			t.Errorf("%s without a plan: %v", name, err)
		}
	}
	if _, err := b.Undo(ctx, "free", nil, act); !errors.Is(err, rollout.ErrNoVersion) {
		t.Errorf("undo of nothing: %v", err)
	}
	status, err := b.RolloutStatusOf("flagged")
	must(t, err)
	equal(t, "flag", status.Routes[0].Flag, "my-flag")
	equal(t, "decides", status.Routes[0].Decides, DecidesFlag)
}

// TestTwoOperatorsWhoAdvanceMeanOneStep: the second is told of the first, unless
// the version says that they know, or some time has passed.
func TestTwoOperatorsWhoAdvanceMeanOneStep(t *testing.T) {
	t.Parallel()
	now := new(atomic.Int64)
	clock := func() time.Time { return time.Now().Add(time.Duration(now.Load())) }
	b := newBed(t, strings.Replace(stepwise, ", gates: { approval: [carla], approval_above: 10 }", "", 1),
		func(_ *bed, o *Options) { o.Now = clock })
	ctx, bert := t.Context(), act
	bert.By = "bert"
	_, err := b.Start(ctx, "steps", act)
	must(t, err)
	var all sync.WaitGroup
	var conflicts atomic.Int32
	for range 2 { // at the same moment
		all.Go(func() {
			if _, err := b.Advance(ctx, "steps", act); errors.As(err, new(*rollout.Conflict)) {
				conflicts.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "conflicts", conflicts.Load(), 1)
	_, err = b.Advance(ctx, "steps", bert)
	var conflict *rollout.Conflict
	if !errors.As(err, &conflict) || conflict.Last.Act.By != "ann" || conflict.Expected != 1 || conflict.Current.Version != 2 {
		t.Fatalf("%v", err)
	}
	equal(t, "share", b.ledger.Snapshot().Route("steps").Share, routes.One/2)
	bert.IfVersion = 2
	_, err = b.Advance(ctx, "steps", bert)
	must(t, err)
	_, err = b.Undo(ctx, "steps", nil, act)
	must(t, err)
	_, err = b.Advance(ctx, "steps", act) // an undo is no advance
	must(t, err)
	first := uint64(1)
	_, err = b.Undo(ctx, "steps", &first, act)
	must(t, err)
	bert.IfVersion = 0
	_, err = b.Advance(ctx, "steps", bert)
	must(t, err)
	now.Store(int64(unseen))
	_, err = b.Advance(ctx, "steps", bert)
	must(t, err)
}

// TestAnApprovalIsUsedUp by the one raise that it was given for.
func TestAnApprovalIsUsedUp(t *testing.T) {
	t.Parallel()
	b, ctx := newBed(t, stepwise), t.Context()
	carla := act
	carla.By = "carla"
	_, err := b.Start(ctx, "steps", act)
	must(t, err)
	_, err = b.Approve(ctx, "steps", carla)
	must(t, err)
	b.set("steps", "50")
	_, err = b.Set(ctx, "steps", routes.One, act)
	equal(t, "a second raise", errors.Is(err, rollout.ErrNotApproved), true)
}
