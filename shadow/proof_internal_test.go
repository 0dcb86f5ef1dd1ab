package shadow

import (
	"testing"
	"time"
)

// TestWhatWasAskedBeforeProvesNothing: of several at once one came back without its ack,
// or not at all, so that all is to be proved anew; an ack of another, and an answer to a
// probe, that come after it were asked for before.
func TestWhatWasAskedBeforeProvesNothing(t *testing.T) {
	t.Parallel()
	p := proof{stopped: func() (string, time.Time, bool) { return "", time.Time{}, false }}
	now := time.Unix(1_800_000_000, 0)
	before := p.epoch.Load()
	p.known.Store(&known{state: ProofGiven, at: now, epoch: before})
	p.confirm(before)
	if state := p.status(now).State; !p.sure() || state != ProofGiven {
		t.Fatalf("it is proved: %s", state)
	}
	p.forget()
	p.confirm(before)
	p.known.Store(&known{state: ProofGiven, at: now, epoch: before})
	if state := p.status(now).State; p.sure() || state != ProofUnknown {
		t.Errorf("sure %t, %s", p.sure(), state)
	}
	p.known.Store(&known{state: ProofGiven, at: now, epoch: p.epoch.Load()})
	if state := p.status(now).State; p.sure() || state != ProofGiven {
		t.Errorf("probed anew: sure %t, %s", p.sure(), state)
	}
}
