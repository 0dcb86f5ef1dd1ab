package evidence

import (
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Recorder counts what both arms of one route answered, from the request path:
// safe for concurrent use, no lock, no allocation, 6 kB. The zero value is
// empty. Its counts only ever grow.
type Recorder struct {
	arms [2]struct {
		failed  atomic.Uint64
		latency Histogram
	}
}

// Observe counts one request. A request has failed when the arm did not answer
// or answered with an error of its own, even if a fallback then served the
// client. The latency counts only when it has not: a service that fails fast is
// not fast.
func (r *Recorder) Observe(arm routes.Arm, took time.Duration, failed bool) {
	a := &r.arms[arm&1]
	if failed {
		a.failed.Add(1)
		return
	}
	a.latency.Observe(took)
}

// Read takes over what was counted until now.
func (r *Recorder) Read(into *Totals) {
	for arm, tally := range map[routes.Arm]*Tally{routes.Service: &into.Service, routes.Monolith: &into.Monolith} {
		tally.Failed = r.arms[arm].failed.Load()
		r.arms[arm].latency.Read(&tally.Latency)
	}
}

// Tally is what one arm answered.
type Tally struct {
	// Failed is how many requests failed.
	Failed uint64
	// Latency counts those that did not.
	Latency Latencies
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
	for i := range t.Latency {
		if later.Latency[i] < earlier.Latency[i] {
			return false
		}
		t.Latency[i] = later.Latency[i] - earlier.Latency[i]
	}
	return true
}

func (t *Tally) merge(other *Tally) {
	t.Failed += other.Failed
	t.Latency.Merge(&other.Latency)
}
