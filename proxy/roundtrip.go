package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

// Defaults of routes.Timeouts and routes.Breaker.
const (
	defaultDial      = 2 * time.Second
	defaultFirstByte = 60 * time.Second
	defaultIdle      = 5 * time.Minute
	defaultFailures  = 5
	maxFailures      = 10
	defaultOpenFor   = 5 * time.Second
)

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// RoundTrip implements http.RoundTripper for the target's ReverseProxy.
func (t *Target) RoundTrip(out *http.Request) (*http.Response, error) {
	x := exchangeOf(out.Context())
	if f := x.admit(); f != nil {
		return nil, f
	}
	res, err := t.ask(x, out) //nolint:contextcheck // x is the request's context
	if err != nil {
		return nil, err
	}
	if unwell(res.StatusCode) {
		x.failed(&Failure{Kind: KindStatus, Status: res.StatusCode, Err: errUnwell})
	}
	if x.call.replaces(res.StatusCode) {
		_ = res.Body.Close() // its connection is dropped, nobody waits for the rest
		return nil, &Failure{Kind: KindStatus, Status: res.StatusCode, Err: errStatus}
	}
	res.Request = out
	return res, nil
}

// ask tries one URL after the other until one can be dialed.
func (t *Target) ask(x *exchange, out *http.Request) (*http.Response, error) {
	body := out.Body
	first := int(t.turn.Add(1))
	var tried uint64
	var failed error
	for range t.endpoints {
		e := t.pick(first, &tried)
		out.URL.Scheme, out.URL.Host = e.scheme, e.host
		out.Close = e.headRubbish && out.Method == http.MethodHead
		if body != nil {
			out.Body = (*sending)(x) // a failed dial has closed the one before
		}
		res, err := e.transport.RoundTrip(out)
		if !e.note(err) {
			return t.checked(x, res, err)
		}
		failed = err
	}
	return t.checked(x, nil, failed)
}

// pick chooses the next URL: by turns, those that could not be dialed lately
// after the others.
func (t *Target) pick(first int, tried *uint64) *endpoint {
	n, second := len(t.endpoints), -1
	for i := range n {
		i = (first + i) % n
		if *tried&(1<<i) != 0 {
			continue
		}
		if !t.endpoints[i].avoided() {
			second = i
			break
		}
		if second < 0 {
			second = i
		}
	}
	*tried |= 1 << second
	return t.endpoints[second]
}

// checked makes a *Failure of an error, and of an answer that is none.
func (t *Target) checked(x *exchange, res *http.Response, err error) (*http.Response, error) {
	if err == nil {
		cut := x.sendErr.Load()
		if cut == nil && res.StatusCode >= 100 && res.StatusCode <= 999 {
			return res, nil
		}
		_ = res.Body.Close() // the answer is garbage, or one to a body that broke off
		if err = errStatusRange; cut != nil {
			err = *cut
		}
	}
	f := x.diagnose(err)
	x.failed(f)
	return nil, f
}

// diagnose finds whose fault it is that there is no answer.
func (x *exchange) diagnose(err error) *Failure {
	var failed *dialError
	switch cause := context.Cause(x); {
	case x.sendErr.Load() != nil:
		return bodyFailure(*x.sendErr.Load())
	case x.in.Context().Err() != nil:
		return &Failure{Kind: KindCanceled, Status: StatusClientClosedRequest, Err: context.Canceled}
	case errors.Is(cause, errNoHead):
		return &Failure{Kind: KindTimeout, Status: http.StatusGatewayTimeout, Err: cause}
	case errors.As(err, &failed):
		return &Failure{Kind: KindConnect, Status: http.StatusBadGateway, Err: failed}
	}
	return &Failure{Kind: KindError, Status: http.StatusBadGateway, Err: quoteless(err)}
}

// answer takes the head of the target's answer, without hop-by-hop fields; it
// is the ReverseProxy's ModifyResponse.
func (t *Target) answer(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	x.arrived = true
	h := x.w.Header()
	delete(h, "Server") // the target's, or none
	if len(res.Header["X-Request-Id"]) != 0 {
		delete(h, "X-Request-Id")
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if !x.upgrade || !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") {
			return errSwitch
		}
		x.becomeStream()
		x.call.head(res.StatusCode, res.Header, true)
		return nil
	}
	if !x.drained.Load() && hasBody(x.in) && x.in.ProtoMajor == 1 {
		// An early answer. Told that we will close, net/http writes it at once;
		// else it would first wait for more of the body.
		h["Connection"] = []string{"close"}
	}
	if p, ok := x.in.Body.(*pass); ok {
		p.settle()
	}
	x.receive(res)
	x.call.head(res.StatusCode, res.Header, x.stream)
	moveHeader(h, res)
	if len(res.Trailer) != 0 && x.in.ProtoMajor == 1 && x.in.Method != http.MethodHead {
		delete(h, "Content-Length") // HTTP/2 has both, HTTP/1.1 only one of them
	}
	return nil
}

// moveHeader saves the ReverseProxy the making of a new slice for every field.
func moveHeader(h http.Header, res *http.Response) {
	for name, values := range res.Header {
		if before := h[name]; len(before) != 0 {
			values = append(before[:len(before):len(before)], values...)
		}
		h[name] = values
	}
	res.Header = nil
}

// receive puts the watch over the answer's body.
func (x *exchange) receive(res *http.Response) {
	kind := res.Header.Get("Content-Type")
	switch {
	case res.ContentLength == 0 || x.in.Method == http.MethodHead:
		x.patience.answered(0)
		return
	case hasPrefixFold(kind, "text/event-stream"), hasPrefixFold(kind, "application/grpc"):
		// Silence is part of these; a gRPC call has its own deadline.
		x.becomeStream()
		res.ContentLength = -1 // the ReverseProxy then flushes every piece
	default:
		x.patience.answered(x.target.timeouts.Idle)
		x.left = max(res.ContentLength, 0)
	}
	x.answer, res.Body = res.Body, (*receiving)(x)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// becomeStream takes the exchange out of the bulkhead: a service must not be
// full because people look at it.
func (x *exchange) becomeStream() {
	x.patience.answered(0)
	x.stream = true
	x.judge(nil)
	x.uploaded()
	x.target.inFlight.Add(-1)
	x.target.streams.Add(1)
}

// newReverseProxy makes the one that all of the target's requests go through.
func (t *Target) newReverseProxy(logger *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      t,
		BufferPool:     &copyBuffers,
		ModifyResponse: t.answer,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.(*exchange).fail(err)
		},
	}
}
