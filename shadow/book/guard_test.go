package book_test

import (
	"math/rand/v2"
	"testing"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
)

// guard feeds what is new of the book's comparisons to a trial, and says whether it has
// failed.
type guard struct {
	trial *evidence.Trial
	last  evidence.Comparisons
}

func (g *guard) fails(b *busy) bool {
	_, c, _ := b.Comparisons("faq-read")
	g.trial.Compare(evidence.Comparisons{
		Compared: c.Compared - g.last.Compared, Mismatched: c.Mismatched - g.last.Mismatched, Unconfirmed: c.Unconfirmed - g.last.Unconfirmed,
		Pairs: c.Pairs - g.last.Pairs, Noisy: c.Noisy - g.last.Noisy, Unstable: c.Unstable - g.last.Unstable,
	})
	g.last = c
	for _, r := range g.trial.Reports() {
		if r.Guard == evidence.Mismatch && r.Verdict == evidence.Fail {
			return true
		}
	}
	return false
}

// A clock in each answer that is known for noise excuses nothing of what is wrong
// beside it, and does not make a healthy service fail.
func TestAClockDoesNotBluntTheGuard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wrong float64
		fails bool
	}{{0, false}, {0.02, false}, {0.1, true}} {
		b := newBusy(t, book.Options{})
		b.pairs(40, []string{"$.at"}, "$.at")
		g := guard{trial: evidence.NewTrial(evidence.Limits{Mismatch: 0.03, Level: 5e-5})}
		_, g.last, _ = b.Comparisons("faq-read")
		r := rand.New(rand.NewPCG(20261122, 1))
		after := 0
		for i := 1; i <= 3000 && after == 0; i++ {
			second := differing("$.at")
			switch {
			case r.Float64() >= c.wrong && i%100 == 0:
				b.ask(&second, "$.at")
			case r.Float64() >= c.wrong:
				b.ask(nil, "$.at")
			default: // both are asked again
				same := differing("$.at", "$.price")
				record := b.record(shadow.Different, "", same, &second)
				record.Chosen, record.Crossed, record.Repeated = i%100 == 0, &same, &same
				b.Record(record)
			}
			if i%50 == 0 && g.fails(b) {
				after = i
			}
		}
		if c.fails != (after > 0) || after > 1500 {
			t.Errorf("wrong in %v: failed after %d comparisons: %+v", c.wrong, after, g.last)
		}
		t.Logf("wrong in %v: failed after %d", c.wrong, after)
	}
}
