package evidence

import (
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Recorder counts what both arms of one route answered, from the request path:
// safe for concurrent use, no lock, no allocation, 12 kB. The zero value is
// empty. Its counts only ever grow.
type Recorder struct {
	arms [2]struct {
		failed               atomic.Uint64
		latency, failedAfter Histogram
	}
}

// Observe counts one request. A request has failed when the arm did not answer
// or answered with an error of its own, even if a fallback then served the
// client; it then took until the arm itself had failed, and not a fallback's
// time. What that means for the latency: Tally.FailedAfter.
func (r *Recorder) Observe(arm routes.Arm, took time.Duration, failed bool) {
	a := &r.arms[arm&1]
	if failed {
		a.failed.Add(1)
		a.failedAfter.Observe(took)
		return
	}
	a.latency.Observe(took)
}

// Read takes over what was counted until now.
func (r *Recorder) Read(into *Totals) {
	for arm, tally := range map[routes.Arm]*Tally{routes.Service: &into.Service, routes.Monolith: &into.Monolith} {
		tally.Failed = r.arms[arm].failed.Load()
		r.arms[arm].latency.Read(&tally.Latency)
		r.arms[arm].failedAfter.Read(&tally.FailedAfter)
	}
}

// Tally is what one arm answered.
type Tally struct {
	// Failed is how many requests failed.
	Failed uint64
	// Latency counts those that did not.
	Latency Latencies
	// FailedAfter counts how long those took that did: a good answer would have
	// taken longer, by nobody knows how much. One that took longer than an answer
	// may take was slow, as a timeout is. One that failed sooner says nothing of
	// the latency: a service that fails fast is not fast.
	FailedAfter Latencies
}

// Requests is how many there were, failed or not.
func (t *Tally) Requests() uint64 { return t.Failed + t.Latency.Total() }

// Totals is what both arms answered.
type Totals struct{ Service, Monolith Tally }

// Since is what came after earlier. Counts that are lower than they were come
// from another recorder, made since: then everything came after.
func (t *Totals) Since(earlier *Totals) *Totals {
	diff := new(Totals)
	if !diff.Service.difference(&t.Service, &earlier.Service) || !diff.Monolith.difference(&t.Monolith, &earlier.Monolith) {
		*diff = *t
	}
	return diff
}

func (t *Tally) difference(later, earlier *Tally) bool {
	if later.Failed < earlier.Failed {
		return false
	}
	t.Failed = later.Failed - earlier.Failed
	return t.Latency.difference(&later.Latency, &earlier.Latency) &&
		t.FailedAfter.difference(&later.FailedAfter, &earlier.FailedAfter)
}

func (t *Tally) merge(other *Tally) {
	t.Failed += other.Failed
	t.Latency.Merge(&other.Latency)
	t.FailedAfter.Merge(&other.FailedAfter)
}

// slower is how many requests certainly took longer than a bucket's, and of how
// many that is known.
func (t *Tally) slower(bucket int) (slow, known uint64) {
	failed := t.FailedAfter.above(bucket)
	return t.Latency.above(bucket) + failed, t.Latency.Total() + failed
}

// atLeast are the latencies as far as they are known: of the answers, and at
// least that of failures that took longer than a bucket's.
func (t *Tally) atLeast(bucket int) *Latencies {
	l := t.Latency
	for i := bucket + 1; i < Buckets; i++ {
		l[i] += t.FailedAfter[i]
	}
	return &l
}
