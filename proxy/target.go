package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/strangler-proxy/strangler/routes"
)

// DefaultMaxInFlight is how many requests may be under way at a service at
// once when its target does not say.
const DefaultMaxInFlight = 1024

// maxURLs is what fits into the set of those tried.
const maxURLs = 64

// Options are what New needs beside the target's own words.
type Options struct {
	// Monolith: nobody else could answer, so there is no breaker, and no
	// bulkhead unless the target asks for one.
	Monolith bool
	// Logger gets the breaker's changes and, at debug level, what cannot be
	// returned; nil discards it.
	Logger *slog.Logger
	// TLS is the base of the client configuration for https; nil: the system's
	// roots.
	TLS *tls.Config
	// Transport replaces the connections to all URLs, for tests.
	Transport http.RoundTripper
}

// Target is an Upstream at one or more URLs. It is safe for concurrent use.
type Target struct {
	name        string
	endpoints   []*endpoint
	timeouts    routes.Timeouts
	maxInFlight int64
	breaker     *breaker    // nil: none
	troubled    atomic.Bool // it has failures to judge
	openFor     time.Duration
	halfOpen    atomic.Int64 // since when, as time since epoch
	proxy       *httputil.ReverseProxy
	alarms      alarms
	bodyGrace   time.Duration

	sweeper  sweeper
	turn     atomic.Uint32
	inFlight atomic.Int64
	uploads  atomic.Int64 // of them: those whose client is still sending
	streams  atomic.Int64
	since    time.Time // when it was made
	failures atomic.Uint64
	last     atomic.Pointer[lastError]
}

// New makes a target and dials nothing. The errors are those of its URLs:
// http://HOST[:PORT], https://…, h2c://… or unix:///PATH, 1 to 64 of them.
func New(rt *routes.Target, o Options) (*Target, error) {
	if n := len(rt.URLs); n == 0 || n > maxURLs {
		return nil, fmt.Errorf("target %s: %d urls, want 1 to %d", rt.Name, n, maxURLs)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Target{
		name: rt.Name,
		timeouts: routes.Timeouts{
			Dial:      orDefault(rt.Timeouts.Dial, defaultDial),
			FirstByte: orDefault(rt.Timeouts.FirstByte, defaultFirstByte),
			Idle:      orDefault(rt.Timeouts.Idle, defaultIdle),
		},
		maxInFlight: int64(rt.MaxInFlight),
		bodyGrace:   bodyGrace,
		since:       time.Now(),
	}
	if !o.Monolith {
		t.maxInFlight = int64(orDefault(rt.MaxInFlight, DefaultMaxInFlight))
		t.openFor = orDefault(rt.Breaker.OpenFor, defaultOpenFor)
		t.breaker = newBreaker(rt.Name, rt.Breaker, func(to gobreaker.State) {
			if to == gobreaker.StateHalfOpen {
				t.halfOpen.Store(sinceEpoch())
			}
			// Not here: this is under the breaker's lock, and a log may be stuck.
			go t.tell(o.Logger, to)
		})
	}
	for _, raw := range rt.URLs {
		e, err := newEndpoint(raw, Limits{Dial: t.timeouts.Dial}, o)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", rt.Name, err)
		}
		t.endpoints = append(t.endpoints, e)
	}
	t.proxy = t.newReverseProxy(o.Logger)
	return t, nil
}

// tell logs a change of the breaker, with the failure before it.
func (t *Target) tell(logger *slog.Logger, to gobreaker.State) {
	last := ""
	if e := t.last.Load(); e != nil {
		last = e.text
	}
	logger.Warn("breaker of a target", slog.String("target", t.name), slog.String("state", to.String()), slog.String("last_error", last))
}

// Close closes idle connections; requests under way go on. A target that is
// used again afterwards opens new ones.
func (t *Target) Close() {
	for _, e := range t.endpoints {
		e.closeIdle()
	}
}

// Serve implements Upstream: it forwards r to one of the target's URLs. The
// error, if any, is a *Failure.
func (t *Target) Serve(w http.ResponseWriter, r *http.Request, c *Call) error {
	if f := t.serve(w, r, c); f != nil {
		return f
	}
	return nil
}

func (t *Target) serve(w http.ResponseWriter, r *http.Request, c *Call) *Failure {
	if f := refuse(r); f != nil {
		return f
	}
	x := &exchange{target: t, call: *c, in: r, w: w}
	t.sweeper.used(t.Close)
	ctx, cancel := context.WithCancelCause(r.Context())
	x.Context = ctx
	in := r.WithContext(x) //nolint:contextcheck // x is made from r's context
	if hasBody(r) {
		in.Body = (*sending)(x)
	}
	in.Header = nil
	if wantsWebSocket(r.Header) {
		x.upgrade, in.Header = true, upgradeHeader
	}
	x.run(in, cancel) //nolint:contextcheck // x is the context
	c.status = x.status
	return x.failure
}

// upgradeHeader is all that the ReverseProxy needs to see of a request that asks
// for a WebSocket.
var upgradeHeader = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}

// run lets the ReverseProxy do its work, and finds out how it went.
func (x *exchange) run(in *http.Request, cancel context.CancelCauseFunc) {
	defer x.end()
	limit := x.target.timeouts.FirstByte
	if x.call.Timeout > 0 {
		limit = min(limit, x.call.Timeout)
	}
	x.begin(limit, cancel)
	if x.failure = x.readAhead(); x.failure == nil {
		x.failure = x.enter()
	}
	if x.failure == nil {
		x.target.proxy.ServeHTTP(x, in)
	}
}

// end is run's last word. The ReverseProxy panics when an answer breaks off;
// that is for our caller to do.
func (x *exchange) end() {
	x.over.Store(true)
	if x.client != nil {
		x.client.finish()
	}
	x.patience.end(&x.target.alarms)
	x.uploaded()
	switch {
	case x.stream:
		x.target.streams.Add(-1)
	case x.entered:
		x.target.inFlight.Add(-1)
	}
	e := recover()
	if e != nil && e != http.ErrAbortHandler { //nolint:errorlint // the very value is the signal
		x.judge(undecided)
		x.patience.cancel(errOver)
		panic(e)
	}
	if x.failure == nil && (e != nil || x.readErr != nil || x.writeErr != nil) {
		x.failure = x.brokenOff()
		x.failed(x.failure)
	}
	x.judge(nil) // unless it was
	x.patience.cancel(errOver)
}

// brokenOff is the failure after an answer was begun.
func (x *exchange) brokenOff() *Failure {
	switch {
	case x.in.Context().Err() != nil, x.readErr == nil && x.writeErr != nil:
		return &Failure{Kind: KindCanceled, Status: StatusClientClosedRequest, Started: true, Err: context.Canceled}
	case errors.Is(context.Cause(x), errSilent):
		return &Failure{Kind: KindBroken, Status: http.StatusBadGateway, Started: true, Err: errSilent}
	case x.readErr != nil:
		return &Failure{Kind: KindBroken, Status: http.StatusBadGateway, Started: true, Err: quoteless(x.readErr)}
	}
	return &Failure{Kind: KindBroken, Status: http.StatusBadGateway, Started: true, Err: errBrokeOff}
}

// fail takes the ReverseProxy's errors: RoundTrip's, and its own.
func (x *exchange) fail(err error) {
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Kind: KindError, Status: http.StatusBadGateway, Err: quoteless(err)}
		x.failed(f)
	}
	f.Started = x.started
	x.failure = f
}

// lastError is the latest failure of a target.
type lastError struct {
	text string
	at   time.Time
}

// record counts a failure of the target's.
func (t *Target) record(f *Failure) {
	t.failures.Add(1)
	t.last.Store(&lastError{f.Error(), time.Now()})
}
