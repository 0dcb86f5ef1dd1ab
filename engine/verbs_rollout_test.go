package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

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
