package engine

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// counts is what both arms of one route answer while its table gives it a
// rollout. It outlives tables that leave the route's service as it was.
type counts struct {
	recorder atomic.Pointer[evidence.Recorder] // nil before the first request
	service  string                            // what is counted: the service and where it listens
	header   string                            // in which its answers name its build; empty: they do not
	build    atomic.Pointer[string]
}

// countsOf are the counts of a route: nil without a rollout, the running plan's
// when it counts the same service.
func countsOf(entry *routes.Entry, targets map[string]*routes.Target, running *plan) *counts {
	if entry.Route.Rollout == nil || entry.Route.Service == "" {
		return nil
	}
	next := &counts{service: entry.Route.Service}
	if target := targets[next.service]; target != nil {
		next.service += " " + strings.Join(target.URLs, " ")
		next.header = target.Build
	}
	if running == nil {
		return next
	}
	if was := running.table.Entry(entry.Route.Name); was != nil {
		have := running.lanes[was.Index].counts
		if have != nil && have.service == next.service && have.header == next.header {
			return have
		}
	}
	return next
}

// observe counts one request.
func (c *counts) observe(arm routes.Arm, took time.Duration, failed bool) {
	recorder := c.recorder.Load()
	if recorder == nil {
		c.recorder.CompareAndSwap(nil, new(evidence.Recorder))
		recorder = c.recorder.Load()
	}
	recorder.Observe(arm, took, failed)
}

// read takes over what was counted until now.
func (c *counts) read(into *rollout.Reading) {
	if recorder := c.recorder.Load(); recorder != nil {
		recorder.Read(&into.Totals)
	}
	into.Service = c.service
	if build := c.build.Load(); build != nil {
		into.Build = *build
	}
}

// answeredBy notes the build that an answer of the service names. Almost all
// answers name the one that is known.
func (c *counts) answeredBy(h http.Header) {
	if c.header == "" || len(h[c.header]) == 0 {
		return
	}
	named := h[c.header][0]
	named = named[:min(len(named), maxBuild)]
	if known := c.build.Load(); known == nil || *known != named {
		named = strings.Clone(named)
		c.build.Store(&named)
	}
}

// maxBuild is how many bytes of a build's name are kept.
const maxBuild = 100

// tally counts one request, at the answer's head when it is a stream, else when
// it has ended. It is part of the request's Result, so it costs no allocation.
type tally struct {
	counts *counts // nil: the request is not counted
	arm    routes.Arm
	now    func() time.Time
	start  time.Time
	took   time.Duration // to the answer's head or the fallback, 0 before it
	done   bool
}

// begin says what the request counts for. The control group is who a bucket has
// put on the monolith: requests without a key, of pinned users or during a hold
// are others than those the service gets.
func (t *tally) begin(c *counts, d *routes.Decision, now func() time.Time, start time.Time) bool {
	if c == nil || d.Reason != routes.ReasonSplit && d.Reason != routes.ReasonFull {
		return false
	}
	t.counts, t.arm, t.now, t.start = c, d.Arm, now, start
	return true
}

// Head implements proxy.Heads.
func (t *tally) Head(status int, h http.Header, stream bool) {
	t.took = t.now().Sub(t.start)
	if t.arm == routes.Service {
		t.counts.answeredBy(h)
	}
	if stream {
		t.done = true
		t.counts.observe(t.arm, t.took, status >= http.StatusInternalServerError)
	}
}

// FellBack implements proxy.Heads: the service took until here to fail.
func (t *tally) FellBack() { t.took = t.now().Sub(t.start) }

// end counts the request unless its head did. What the client broke off counts
// for neither arm; an answer that a fallback replaced is the service's failure.
func (t *tally) end(result *Result, err error) {
	if t.counts == nil || t.done {
		return
	}
	t.done = true
	failed := served(result, err).Failure != ""
	if err != nil && !failed {
		return
	}
	took := t.took
	if took == 0 {
		took = result.Duration
	}
	t.counts.observe(t.arm, took, failed)
}

var _ proxy.Heads = (*tally)(nil)
