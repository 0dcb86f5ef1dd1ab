package shadow

import (
	"context"
	"net/http"
	"slices"
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
	blind bool // the last one was taken before anything was compared
}

// take takes one when there is one left; seen is how many requests have passed.
// blind is true for a request of which nothing was compared yet: such take every
// other one at most.
func (b *againBudget) take(now time.Time, seen uint64, blind bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if blind && b.blind {
		return false
	}
	if b.spent+1 > againBurst+b.share*float64(seen) || !b.perSecond.take(now.UnixNano()) {
		return false
	}
	b.spent++
	b.blind = blind
	return true
}

// shortage is how long after the budget had nothing for a difference more
// requests are chosen beforehand.
const shortage = 10 * time.Second

// hastens tells whether the request is chosen for a second answer of the monolith
// since there are more differences than can be asked again: what is noise is
// learned from those that were chosen before anything was compared, so a part of
// the budget goes to them until it is.
func (x *Exchange) hastens() bool {
	m, now := x.mirror, x.mirror.all.now()
	short := m.short.Load()
	return !x.extra && x.plan.Chosen > 0 && short != 0 && now.UnixNano()-short < int64(shortage) &&
		m.asking.take(now, m.seen.Load(), true)
}

// askTwin asks for the monolith's second answer; nil when it gave none. What a control
// that compares this route itself answers may be the service's.
func (x *Exchange) askTwin(ctx context.Context, rec *Record) *reply {
	x.mirror.again.Add(1)
	second, err := x.ask(ctx, x.plan.twin(), rec.ID)
	switch {
	case err != nil && unasked(whyOf(err)):
		rec.Unasked = true
		return nil
	case err != nil:
		x.secondly(whyOf(err))
		return nil
	case second.looped && x.plan.control.known():
		x.secondly(whyLooped)
		return nil
	}
	x.secondly("")
	again := x.plan.comparer.Compare(rec.Monolith.Answer, second.Answer, x.mirror.all.now())
	rec.Again = &again
	return second
}

// Words for why a difference counts though it was not confirmed: any doubt is
// the service's.
const (
	whyLearned     = "learned"         // nothing differs but where the monolith is known to differ from itself
	whyNotAgain    = "not_asked_again" // asking twice is not safe or not possible, or the budget is spent
	whyAgainFailed = "again_failed"
	whyConditional = "conditional"
)

// judge finds out what a difference is worth, by asking both sides again: the
// monolith first, as its answer may settle it.
func (x *Exchange) judge(ctx context.Context, rec *Record, second *reply) (bucket Bucket, why string) {
	m, p := x.mirror, x.plan
	learned := x.learned(rec)
	if bucket, why, done := x.unasked(rec, second, learned); done {
		return bucket, why
	}
	if second == nil {
		if second = x.askTwin(ctx, rec); second == nil {
			return Different, whyAgainFailed
		}
	}
	crossed := p.comparer.Compare(second.Answer, rec.Service.Answer, m.all.now())
	rec.Crossed = &crossed
	if rec.Again.Verdict == diff.Different && equal(&crossed) {
		return Raced, ""
	}
	if second.Answer.Status/100 != rec.Monolith.Answer.Status/100 {
		return Different, whyAgainFailed // an error says nothing of the answer's parts
	}
	noisy := places(rec.Again)
	if allWithin(&rec.Result, noisy, learned) {
		return Noise, ""
	}
	if !p.service.known() {
		return Different, whyNotAgain
	}
	m.again.Add(1)
	fresh, err := x.ask(ctx, &p.service, rec.ID)
	if err != nil || fresh.looped {
		return Different, whyAgainFailed
	}
	repeated := p.comparer.Compare(second.Answer, fresh.Answer, m.all.now())
	rec.Repeated = &repeated
	if equal(&repeated) || allWithin(&repeated, noisy, learned) {
		return NotReproducible, ""
	}
	return Different, ""
}

// unasked is where a difference ends that nobody is to be asked about again; done
// is false when somebody is.
func (x *Exchange) unasked(rec *Record, second *reply, learned map[string]bool) (bucket Bucket, why string, done bool) {
	m := x.mirror
	switch {
	case x.revalidated(rec):
		return NotComparable, whyConditional, true
	case allWithin(&rec.Result, learned):
		return Noise, whyLearned, true
	case rec.Chosen && second == nil:
		return Different, whyAgainFailed, true
	case !safe(x.method) || !x.plan.twin().known():
		return Different, whyNotAgain, true
	case second == nil && !m.asking.take(m.all.now(), m.seen.Load(), false):
		m.short.Store(m.all.now().UnixNano())
		return Different, whyNotAgain, true
	}
	return bucket, "", false
}

// learned are the places where the monolith is known to differ from itself. They
// are of requests that change nothing: only of those is it asked twice.
func (x *Exchange) learned(rec *Record) map[string]bool {
	if known := x.mirror.all.options.Learned; known != nil && safe(x.method) {
		return known(rec)
	}
	return nil
}

// allWithin tells whether every difference of a result is at one of those places;
// of a result that does not name them all that is not known.
func allWithin(r *diff.Result, of ...map[string]bool) bool {
	if r.Verdict != diff.Different || r.Reason != "" || r.Total != len(r.Differences) {
		return false
	}
	for i := range r.Differences {
		place := r.Differences[i].Place
		if !slices.ContainsFunc(of, func(known map[string]bool) bool { return known[place] }) {
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

func places(r *diff.Result) map[string]bool {
	out := make(map[string]bool, len(r.Differences))
	for i := range r.Differences {
		out[r.Differences[i].Place] = true
	}
	return out
}
