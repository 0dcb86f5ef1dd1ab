package flags

import "sync/atomic"

// stripes spread the counters, so that processors do not fight for one line of
// their caches.
const stripes = 16

type stripe struct {
	answers [len(reasons) + len(errorKinds)]atomic.Uint64 // by Answer.outcome
	misses  atomic.Uint64
	stale   atomic.Uint64
	_       [64]byte
}

// tally is how an answer counts: on which stripe, as what, and whether anything
// had to be evaluated for it.
type tally struct {
	hash    uint64
	outcome int
	asked   bool
}

func (e *Evaluator) count(t tally, a *Answer) {
	s := &e.counts[t.hash%stripes]
	s.answers[t.outcome].Add(1)
	if t.asked {
		s.misses.Add(1)
	}
	if a.Stale {
		s.stale.Add(1)
	}
}

// sum adds one counter up over all stripes.
func (e *Evaluator) sum(of func(*stripe) *atomic.Uint64) uint64 {
	var total uint64
	for i := range e.counts {
		total += of(&e.counts[i]).Load()
	}
	return total
}
