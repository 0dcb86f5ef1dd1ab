package engine

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/telemetry"
)

// Result is what became of one request.
type Result struct {
	// Decision is route, arm and reason. Its arm is the one decided; Outcome's
	// is the one that answered.
	Decision routes.Decision
	Outcome  proxy.Outcome
	// RequestID is the request's X-Request-ID, the client's or ours.
	RequestID string
	// TraceID is the trace that the request's traceparent names, 32 hexadecimal
	// digits.
	TraceID string
	// Target names the decided arm's target.
	Target string
	// Duration is from arrival to the end of the answer.
	Duration time.Duration

	tally tally
	pass  passport
	watch [2]sessionWatch // by arm
}

// Site holds the upstreams that a site's `target NAME { … }` blocks make, by
// target name. It must not change once it was given to ServeHTTP.
type Site map[string]proxy.Upstream

// allowed are the methods named in the answer to CONNECT (RFC 9110 §15.5.6).
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// retryAfter is the Retry-After, in seconds, of an answer that says try later.
const retryAfter = "5"

// ServeHTTP carries one request its whole way. c is the client as the adapter
// computed it; site holds the blocks of the site that was asked and may be nil.
// It fills result as things become known: the IDs, Decision and Target before the
// request is forwarded, the rest when the answer has ended.
//
// It changes r's headers: what a client could forge is gone, and the
// correlation headers are there. w gets X-Request-ID and, for a new visitor
// whose split needed one, a cookie.
//
// A nil error means that an answer was written. Otherwise the caller writes one
// with [HTTPStatus] of the error, the headers for which are on w already; or,
// when the error is a [proxy.Failure] of kind broken, it aborts the connection,
// because an answer had begun.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request, c proxy.Client, site Site, result *Result) error {
	start, ctx := e.now(), r.Context()
	copied := mirrored{marked: shadow.Marked(r.Header)}
	v := e.view.Load()
	guard := e.guardOf(v)
	removeForgeable(r, guard)
	result.RequestID, result.TraceID = telemetry.Correlate(ctx, r.Header)
	header := w.Header()
	header[telemetry.RequestIDHeader] = r.Header[telemetry.RequestIDHeader]
	if done, err := e.beforeRoutes(w, r, v, result); done {
		return err
	}
	decision, entry, key := e.decide(v, r, &c, start) //nolint:contextcheck // it takes the request's own
	lane := v.laneOf(entry)
	e.identify(r, entry, lane.papers, asked{&decision, &key, &result.pass, &c}, start)
	// All that a stream, which may outlast many tables, keeps of this one: an
	// entry would keep all of them.
	recorder, flow, pinFor := lane.recorder, "", time.Duration(0)
	if decision.Arm == routes.Service && key.text != "" {
		flow, pinFor = cohort(entry.Route), entry.Route.PinAfterFailure
	}
	way := v.way(lane, &decision, site)
	result.Decision, result.Target = decision, way.target
	e.remember(v, r, &c, entry, &decision, &key, start)
	telemetry.Annotate(ctx, &result.Decision, result.RequestID)
	if entry != nil {
		key = e.carry(asker{request: r, client: &c, route: entry.Route}, lane.baggage, result, key) //nolint:contextcheck // as above
	}
	key.setCookies(w, e, &c, r)
	err := errAborted
	// Deferred: a site's handlers may abort the request by a panic.
	defer func() {
		result.Duration = e.now().Sub(start)
		end := served(result, err)
		recorder.Record(ctx, &result.Decision, end)
		copied.end(result, err)
		result.tally.end(result, err)
		if pinFor > 0 && end.Failure != "" && result.Decision.Arm == routes.Service {
			e.pins.pin(flow, key.text, e.now(), pinFor)
		}
	}()
	if answersItself(&result.Decision) {
		result.Target, err = "", nil
		result.Outcome = proxy.Outcome{Arm: routes.Service, Status: e.turnAway(w, r, &result.Decision, result.RequestID)}
		return nil
	}
	lane.papers.vary(header)
	way.fill(r, entry, c, result)
	e.watch(&way, lane, &key, result, r.Method, start)
	copied.sample(lane, header, r, &c, result, start)
	result.Outcome, err = proxy.Forward(copied.Writer(w), copied.of(guardTrailers(r, guard)), way.plan)
	if err != nil || result.Outcome.Cause != nil {
		e.report(&way, result, err)
	}
	tryLater(header, err)
	return err
}

// tryLater says when to, in an answer for which nobody but us is to blame.
func tryLater(header http.Header, err error) {
	if status := HTTPStatus(err); status == http.StatusBadGateway || status == http.StatusServiceUnavailable {
		header["Retry-After"] = []string{retryAfter}
	}
}

// beforeRoutes answers what no route is asked about.
func (e *Engine) beforeRoutes(w http.ResponseWriter, r *http.Request, v *view, result *Result) (done bool, err error) {
	header := w.Header()
	if r.Method == http.MethodConnect {
		header["Allow"] = []string{allowed}
		if r.ProtoMajor == 1 {
			// What follows on the connection may be meant for the tunnel.
			header["Connection"] = []string{"close"}
		}
		return true, ErrConnect
	}
	if keys := e.identity.published(r); keys != nil {
		result.Decision.Reason, result.Outcome.Status = ReasonPublished, http.StatusOK
		keys.ServeHTTP(&statusWriter{w, &result.Outcome.Status}, r)
		return true, nil
	}
	if v == nil {
		tryLater(header, ErrNoTable)
		return true, ErrNoTable
	}
	return false, nil
}

// watch has those told of the answer's head who want to know.
func (e *Engine) watch(way *way, lane *lane, key *stickyKey, result *Result, method string, start time.Time) {
	if lane.papers.comparable(key) && result.tally.begin(lane.counts, &result.Decision, e.now, start) {
		way.watch(&result.tally)
	}
	if result.pass.value != "" {
		e.watchSession(way, lane.papers, result, !safe(method))
	}
}

// errAborted stands for the panic of a handler in a target block.
var errAborted = errors.New("a handler aborted the request")

// nowhere stands for a monolith without a url in a site without its block.
type nowhere struct{}

// Serve implements proxy.Upstream.
func (nowhere) Serve(http.ResponseWriter, *http.Request, *proxy.Call) error {
	return &proxy.Failure{Kind: proxy.KindConnect, Status: http.StatusServiceUnavailable, Err: ErrNoTarget}
}

// way is where a request goes.
type way struct {
	plan     proxy.Plan
	target   string
	failures [2]*failureLog // by arm
}

// way finds the upstreams for a decision; a service that nothing serves here
// turns the decision to the monolith.
func (v *view) way(l *lane, d *routes.Decision, site Site) way {
	to := way{target: v.monolith.name}
	if to.plan.Monolith = v.monolith.in(site); to.plan.Monolith == nil {
		to.plan.Monolith = nowhere{}
	}
	to.failures[routes.Monolith] = v.monolith.failures
	if d.Arm != routes.Service {
		return to
	}
	service := l.service.in(site)
	if service == nil {
		d.Arm, d.Reason = routes.Monolith, ReasonNoTarget
		return to
	}
	to.plan.Arm, to.plan.Service, to.target = routes.Service, service, l.service.name
	to.failures[routes.Service] = l.service.failures
	return to
}

// fill says how each side is to be asked.
func (t *way) fill(r *http.Request, entry *routes.Entry, c proxy.Client, result *Result) {
	t.plan.MonolithCall = proxy.Call{Client: c, RequestID: result.RequestID}
	if t.plan.Arm != routes.Service {
		return
	}
	t.plan.Fallback = entry.Route.Fallback
	t.plan.ServiceCall = proxy.Call{Client: c, RequestID: result.RequestID, Timeout: entry.Route.Timeout, Fields: result.pass.fields()}
	if entry.Route.Rewrite != "" {
		t.plan.ServiceCall.Path, t.plan.ServiceCall.RawPath = entry.Rewrite(r.URL.Path, r.URL.RawPath)
	}
}

// watch has the head of the decided arm's answer told.
func (t *way) watch(heads proxy.Heads) {
	if t.plan.Arm == routes.Service {
		t.plan.ServiceCall.Heads = heads
	} else {
		t.plan.MonolithCall.Heads = heads
	}
}

// served sorts what became of a request for the metrics. What the client broke
// is nobody's failure.
func served(result *Result, err error) telemetry.Served {
	s := telemetry.Served{Duration: result.Duration}
	switch {
	case result.Outcome.Fallback != "":
		s.Failure, s.Fallback = string(result.Outcome.Fallback), true
	case err != nil:
		s.Failure = kindOf(err)
	case result.Outcome.Status >= http.StatusInternalServerError:
		s.Failure = string(proxy.KindStatus)
	}
	return s
}

func kindOf(err error) string {
	failure, ok := errors.AsType[*proxy.Failure](err)
	switch {
	case !ok:
		return string(proxy.KindBroken)
	case failure.Kind == proxy.KindClient, failure.Kind == proxy.KindCanceled:
		return ""
	}
	return string(failure.Kind)
}

// secure reports whether the client's own connection is https, as far as a
// trusted proxy in front of us knows.
func secure(c *proxy.Client, h http.Header) bool {
	if c.Secure || !c.Trusted {
		return c.Secure
	}
	proto, _, _ := strings.Cut(h.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(proto), "https")
}
