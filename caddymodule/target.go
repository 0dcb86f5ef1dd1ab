package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/strangler-proxy/strangler/proxy"
)

// Target is a target of the route table that Caddy's handlers serve. Its
// forwarded headers, balancing and health checks are those handlers' own; the
// engine's breaker and bulkhead are not around it.
type Target struct {
	// Routes are the handlers, as in a subroute.
	Routes caddyhttp.RouteList `json:"routes"`

	name  string
	chain caddyhttp.Handler
}

// errNoAnswer is what a target's handlers end with when none of them answers.
var errNoAnswer = errors.New("no handler of the target block answered")

func (t *Target) provision(ctx caddy.Context, name string) error {
	t.name = name
	if err := t.Routes.Provision(ctx); err != nil {
		return err
	}
	t.chain = t.Routes.Compile(caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		return errNoAnswer
	}))
	return nil
}

// Serve implements proxy.Upstream. What the handlers do to the request stays in
// here: the monolith may be asked next, and must be asked what the client asked.
func (t *Target) Serve(w http.ResponseWriter, r *http.Request, c *proxy.Call) error {
	defer remember(r).restore(r)
	ask(r, c)
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	head := &head{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	if c.Timeout > 0 {
		head.timer = time.AfterFunc(c.Timeout, func() { cancel(context.DeadlineExceeded) })
		defer head.timer.Stop()
	}
	err := t.run(head, r.WithContext(ctx))
	if err == nil && !head.begun {
		err = errNoAnswer
	}
	if err == nil {
		return nil
	}
	f := t.failure(err)
	switch {
	case r.Context().Err() != nil:
		f.Kind, f.Status = proxy.KindCanceled, proxy.StatusClientClosedRequest
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		f.Kind, f.Status = proxy.KindTimeout, http.StatusGatewayTimeout
	}
	return f
}

// run runs the handlers. One that aborts, as reverse_proxy does when an answer
// breaks off, does so by a panic.
func (t *Target) run(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if aborted := recover(); aborted == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
			err = http.ErrAbortHandler
		} else if aborted != nil {
			panic(aborted)
		}
	}()
	return t.chain.ServeHTTP(w, r)
}

// ask makes r what the call asks for.
func ask(r *http.Request, c *proxy.Call) {
	if c.Path != "" {
		r.URL.Path, r.URL.RawPath = c.Path, c.RawPath
		r.RequestURI = r.URL.RequestURI()
	}
	if c.RequestID != "" {
		r.Header["X-Request-Id"] = []string{c.RequestID}
	}
	for name, values := range c.Header {
		if values == nil {
			delete(r.Header, name)
			continue
		}
		r.Header[name] = values
	}
	protect(r.Header, c.Header)
}

// protect takes the names of what we set out of the client's Connection header:
// a proxy drops the fields named there (RFC 9110 §7.6.1).
func protect(h, ours http.Header) {
	named := h["Connection"]
	if len(named) == 0 || len(ours) == 0 {
		return
	}
	var kept []string
	for _, line := range named {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if _, set := ours[http.CanonicalHeaderKey(name)]; !set && name != "" {
				kept = append(kept, name)
			}
		}
	}
	delete(h, "Connection")
	if len(kept) > 0 {
		h["Connection"] = []string{strings.Join(kept, ", ")}
	}
}

// failure says how the handlers failed; whether that was before an answer was
// begun, package proxy knows by itself.
func (t *Target) failure(err error) *proxy.Failure {
	f := &proxy.Failure{Kind: proxy.KindError, Status: http.StatusBadGateway, Err: fmt.Errorf("target %s: %w", t.name, err)}
	var given caddyhttp.HandlerError
	if errors.As(err, &given) && given.StatusCode != 0 {
		f.Status = given.StatusCode
	}
	switch {
	case unsent(err):
		f.Kind = proxy.KindConnect
	case f.Status == http.StatusGatewayTimeout:
		f.Kind = proxy.KindTimeout
	case f.Status < http.StatusInternalServerError:
		// What handlers answer by an error, such as 401 or 413, is their answer
		// and no failure of the target.
		f.Kind = proxy.KindClient
	}
	return f
}

// unsent says whether reverse_proxy failed before it sent anything. Its error
// for having no healthy upstream is known by its text only.
func unsent(err error) bool {
	var dial reverseproxy.DialError
	var given caddyhttp.HandlerError
	return errors.As(err, &dial) ||
		errors.As(err, &given) && given.Err != nil && given.Err.Error() == "no upstreams available"
}
