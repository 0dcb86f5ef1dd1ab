package shadow

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// againBudget bounds how often a route's sides are asked again: by time, and by
// the requests that have passed.
type againBudget struct {
	perSecond allowance
	share     float64

	mu    sync.Mutex
	spent float64
}

// take takes one when there is one left; seen is how many requests have passed.
func (b *againBudget) take(now time.Time, seen uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > againBurst+b.share*float64(seen) || !b.perSecond.take(now.UnixNano()) {
		return false
	}
	b.spent++
	return true
}

// askTwin asks for the monolith's second answer; nil when it gave none.
func (x *Exchange) askTwin(ctx context.Context, rec *Record) *reply {
	x.mirror.again.Add(1)
	second, err := x.ask(ctx, x.plan.twin(), rec.ID)
	if err != nil {
		return nil
	}
	again := x.plan.comparer.Compare(rec.Monolith.Answer, second.Answer, x.mirror.all.now())
	rec.Again = &again
	return second
}

// Words for why a difference counts though it was not confirmed: any doubt is
// the service's.
const (
	whyNotAgain    = "not_asked_again" // asking twice is not safe or not possible, or the budget is spent
	whyAgainFailed = "again_failed"
	whyConditional = "conditional"
)

// judge finds out what a difference is worth, by asking both sides again: the
// monolith first, as its answer may settle it.
func (x *Exchange) judge(ctx context.Context, rec *Record, second *reply) (bucket Bucket, why string) {
	m, p := x.mirror, x.plan
	switch {
	case x.revalidated(rec):
		return NotComparable, whyConditional
	case rec.Chosen && second == nil:
		return Different, whyAgainFailed
	case !safe(x.method) || !p.twin().known(),
		second == nil && !m.asking.take(m.all.now(), m.seen.Load()):
		return Different, whyNotAgain
	}
	if second == nil {
		if second = x.askTwin(ctx, rec); second == nil {
			return Different, whyAgainFailed
		}
	}
	crossed := p.comparer.Compare(second.Answer, rec.Service.Answer, m.all.now())
	if rec.Again.Verdict == diff.Different && equal(&crossed) {
		return Raced, ""
	}
	if second.Answer.Status/100 != rec.Monolith.Answer.Status/100 {
		return Different, whyAgainFailed // an error says nothing of the answer's parts
	}
	noisy := signatures(rec.Again)
	if allWithin(&rec.Result, noisy) {
		return Noise, ""
	}
	if !p.service.known() {
		return Different, whyNotAgain
	}
	m.again.Add(1)
	fresh, err := x.ask(ctx, &p.service, rec.ID)
	if err != nil {
		return Different, whyAgainFailed
	}
	repeated := p.comparer.Compare(second.Answer, fresh.Answer, m.all.now())
	rec.Repeated = &repeated
	if equal(&repeated) || allWithin(&repeated, noisy) {
		return NotReproducible, ""
	}
	return Different, ""
}

// allWithin tells whether every difference of a result is one of those; a result
// that does not name them all is not.
func allWithin(r *diff.Result, of map[string]bool) bool {
	if r.Verdict != diff.Different || r.Reason != "" || r.Total != len(r.Differences) {
		return false
	}
	for i := range r.Differences {
		if !of[r.Differences[i].Signature] {
			return false
		}
	}
	return true
}

// revalidated tells whether one side says that the client's copy is still good
// and the other sends it anew: validators are each server's own, and say nothing
// of what they stand for.
func (x *Exchange) revalidated(rec *Record) bool {
	a, b := rec.Monolith.Answer.Status, rec.Service.Answer.Status
	if a > b {
		a, b = b, a
	}
	h := rec.Request.Header
	return a == http.StatusOK && b == http.StatusNotModified &&
		(len(h["If-None-Match"]) != 0 || len(h["If-Modified-Since"]) != 0)
}

func equal(r *diff.Result) bool { return r.Verdict == diff.Equal || r.Verdict == diff.EqualByRule }

func signatures(r *diff.Result) map[string]bool {
	out := make(map[string]bool, len(r.Differences))
	for i := range r.Differences {
		out[r.Differences[i].Signature] = true
	}
	return out
}
