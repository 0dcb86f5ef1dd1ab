package rollout

import (
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// Mismatches that are found to be the monolith's noise are taken back, and what
// comes after counts once.
func TestMismatchesThatWereNoise(t *testing.T) {
	t.Parallel()
	var w watch
	now := time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)
	state := RouteState{Share: 100_000}
	look := func(c evidence.Comparisons) Evidence {
		now = now.Add(10 * time.Second)
		return w.look(state, Plan{}, &Reading{Era: 1, Comparisons: c}, now)
	}
	look(evidence.Comparisons{Compared: 100, Mismatched: 10, Unconfirmed: 10})
	look(evidence.Comparisons{Compared: 300, Mismatched: 200, Unconfirmed: 200})
	got := look(evidence.Comparisons{Compared: 400, Mismatched: 20, Unconfirmed: 5})
	if got.Compared != 300 || got.Mismatched != 10 {
		t.Errorf("compared %d, mismatched %d, want 300 and 10", got.Compared, got.Mismatched)
	}
	if got = look(evidence.Comparisons{Compared: 500, Mismatched: 23, Unconfirmed: 6}); got.Compared != 400 || got.Mismatched != 13 {
		t.Errorf("compared %d, mismatched %d, want 400 and 13", got.Compared, got.Mismatched)
	}
}

// What the shadow excuses as the monolith's own noise is no mismatch to a gate, and may
// become one again.
func TestExcusedMismatches(t *testing.T) {
	t.Parallel()
	var w watch
	now := time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)
	look := func(share routes.PPM, c evidence.Comparisons) uint64 {
		now = now.Add(10 * time.Second)
		return w.look(RouteState{Share: share}, Plan{}, &Reading{Era: 1, Comparisons: c}, now).Mismatched
	}
	if got := look(0, evidence.Comparisons{Compared: 100, Mismatched: 10, Excused: 7}); got != 3 {
		t.Errorf("before the first step: %d, want 3", got)
	}
	look(100_000, evidence.Comparisons{Compared: 100, Mismatched: 10, Excused: 7})
	if got := look(100_000, evidence.Comparisons{Compared: 200, Mismatched: 20, Excused: 12}); got != 5 {
		t.Errorf("in a step: %d, want 5", got)
	}
	if got := look(100_000, evidence.Comparisons{Compared: 300, Mismatched: 24, Excused: 9}); got != 12 {
		t.Errorf("excused no more: %d, want 12", got)
	}
}
