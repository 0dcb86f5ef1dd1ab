package engine

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/rollout"
)

func TestKeysAreRotatedAndRevokedAndRecorded(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	b := newBed(t, "", withDesk(new(desk)), func(_ *bed, o *Options) { o.Now = now })
	e, ring := b.Engine, b.identity.Ring
	anna := rollout.Act{By: "anna", Source: rollout.SourceCLI, Reason: "a drill"}
	ctx := t.Context()
	first := ring.Set().Signing(e.now()).ID()

	if _, err := e.RotateKey(ctx, anna); !errors.Is(err, token.ErrNotReady) {
		t.Fatal(err)
	}
	ahead.Store(int64(token.Lead + time.Second))
	if _, err := e.RevokeKey(ctx, first, false, rollout.Act{By: "anna", Source: rollout.SourceCLI}); !errors.Is(err, rollout.ErrReasonRequired) {
		t.Fatal(err)
	}
	dry := anna
	dry.DryRun = true
	would, err := e.RotateKey(ctx, dry)
	must(t, err)
	if ring.Set().Signing(e.now()).ID() != first || would.After.Key == first || would.After.Key == "" {
		t.Fatalf("a dry run: %+v", would)
	}
	did, err := e.RotateKey(ctx, anna)
	must(t, err)
	second := ring.Set().Signing(e.now()).ID()
	if second == first || did.After.Key != second || did.After.Version != 1 || !did.Stored || !did.NoTokensUntil.IsZero() {
		t.Fatalf("%+v, signing %s", did, second)
	}

	// The next but one is published for too short a time.
	if _, err := e.RevokeKey(ctx, second, false, anna); !errors.Is(err, ErrNoTokens) || ring.Set().Signing(e.now()).ID() != second {
		t.Fatal(err)
	}
	stale := anna
	stale.IfVersion = 7
	if _, err := e.RevokeKey(ctx, second, true, stale); !errors.As(err, new(*rollout.Conflict)) {
		t.Fatal(err)
	}
	did, err = e.RevokeKey(ctx, second, true, anna)
	must(t, err)
	if _, err := ring.Signing(e.now()); !errors.Is(err, token.ErrNoKey) || did.NoTokensUntil.IsZero() || did.Version != 2 {
		t.Fatalf("%v %+v", err, did)
	}
	ahead.Add(int64(did.NoTokensUntil.Sub(e.now())))
	if _, err := ring.Signing(e.now()); err != nil {
		t.Errorf("at the time that was said: %v", err)
	}
	history, err := e.History(ctx, rollout.Query{Route: rollout.AllKeys})
	must(t, err)
	if len(history) != 2 || history[0].Verb != rollout.VerbKeyRevoke || history[0].After.Key != second || history[1].Verb != rollout.VerbKeyRotate {
		t.Errorf("%+v", history)
	}
}
