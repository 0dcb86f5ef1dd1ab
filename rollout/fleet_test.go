package rollout_test

import (
	"errors"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// TestTwoLedgersOnOneStore: another proxy of a fleet writes to the same store.
func TestTwoLedgersOnOneStore(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, here *rollout.Ledger) {
		t.Helper()
		there, err := rollout.Open(t.Context(), rollout.Options{Store: s, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = there.Close(t.Context()) }()
		must(t)(there.Set(t.Context(), "a", 50*percent, anna))
		other := must(t)(there.Set(t.Context(), "a", 5*percent, rollout.Act{By: "bob", Source: rollout.SourceConsole}))

		_, err = here.Set(t.Context(), "a", routes.One, anna)
		var conflict *rollout.Conflict
		if !errors.As(err, &conflict) || conflict.Last == nil {
			t.Fatalf("a raise on an outdated view: %v", err)
		}
		same(t, "what the other did", *conflict.Last, other)
		same(t, "the view then", here.Snapshot().Route("a"), *other.After)

		must(t)(there.Set(t.Context(), "a", percent, anna))
		lowered := must(t)(here.Set(t.Context(), "a", 2*percent, anna))
		if lowered.After.Share != percent || lowered.After.Version != 4 {
			t.Errorf("a lower share raised it: %+v", lowered.After)
		}
		must(t)(there.Hold(t.Context(), "b", time.Time{}, anna))
		shorter := must(t)(here.Hold(t.Context(), "b", time.Now().Add(time.Hour), anna))
		if !shorter.After.Hold.Until.IsZero() {
			t.Errorf("a hold ended another one sooner: %+v", shorter.After.Hold)
		}
		settled(t, s, here)
	})
}

// TestOthersWhoBuiltOnALostChange: a withdrawal does not undo what another
// proxy decided since, and a record found again does not bring back the past.
func TestOthersWhoBuiltOnALostChange(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, here *rollout.Ledger) {
		t.Helper()
		there, err := rollout.Open(t.Context(), rollout.Options{Store: s.Store, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = there.Close(t.Context()) }()

		must(t)(here.Set(t.Context(), "raised", 5*percent, anna))
		s.Set(storetest.Lost(errDown))
		if _, err := here.Set(t.Context(), "raised", 50*percent, anna); !errors.Is(err, rollout.ErrNotStored) {
			t.Fatal(err)
		}
		if _, err := there.Set(t.Context(), "raised", 20*percent, anna); err == nil {
			t.Fatal("there knew already")
		}
		must(t)(there.Set(t.Context(), "raised", 20*percent, anna))
		settled(t, s, here)

		s.Set(storetest.Lost(errDown))
		if c, err := here.Hold(t.Context(), "held", time.Time{}, anna); err != nil || c.Stored {
			t.Fatalf("%+v, %v", c, err)
		}
		must(t)(there.Hold(t.Context(), "held", time.Time{}, anna)) // finds ours below its own
		must(t)(there.Release(t.Context(), "held", anna))
		if _, err := here.Salts(t.Context(), []string{"x"}); err == nil { // has the state read again
			t.Fatal("salts without a store")
		}
		after := settled(t, s, here)
		if state := after.Route("raised"); state.Share != 20*percent {
			t.Errorf("raised, and lowered by another: %+v", state)
		}
		if state := after.Route("held"); state.Hold != nil || state.Version != 3 {
			t.Errorf("held, and released by another: %+v", state)
		}
	})
}
