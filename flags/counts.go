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

func (e *Evaluator) count(hash uint64, a *Answer) {
	s := &e.counts[hash%stripes]
	s.answers[a.outcome()].Add(1)
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
