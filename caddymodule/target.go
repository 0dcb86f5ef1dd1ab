package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

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

// Serve implements proxy.Upstream.
func (t *Target) Serve(w http.ResponseWriter, r *http.Request, c *proxy.Call) error {
	defer show(r).restore()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	head := &head{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	if c.Timeout > 0 {
		head.timer = time.AfterFunc(c.Timeout, func() { cancel(context.DeadlineExceeded) })
		defer head.timer.Stop()
	}
	var tried attempts
	err := t.run(head, r.WithContext(tried.watch(ctx)))
	if err == nil && !head.begun {
		err = errNoAnswer
	}
	if err == nil {
		return nil
	}
	f := t.failure(err)
	f.Sent = tried.sent(ctx)
	switch {
	case r.Context().Err() != nil:
		f.Kind, f.Status = proxy.KindCanceled, proxy.StatusClientClosedRequest
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		f.Kind, f.Status = proxy.KindTimeout, http.StatusGatewayTimeout
	}
	return f
}

// siteRequest is the context key of the request that the site's placeholders
// read. The handlers of a block get a copy.
type siteRequest struct{}

// shown is a site's request that shows a block's copy.
type shown struct {
	request *http.Request
	url     *url.URL
	header  http.Header
}

// show makes placeholders such as {uri} show, for as long as a block's handlers
// run, the request that these see: rewritten by the route, then by themselves.
func show(r *http.Request) shown {
	site, ok := r.Context().Value(siteRequest{}).(*http.Request)
	if !ok {
		return shown{}
	}
	before := shown{site, site.URL, site.Header}
	site.URL, site.Header = r.URL, r.Header
	return before
}

func (s shown) restore() {
	if s.request != nil {
		s.request.URL, s.request.Header = s.url, s.header
	}
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

// failure says how the handlers failed; whether that was before an answer was
// begun, package proxy knows by itself.
func (t *Target) failure(err error) *proxy.Failure {
	f := &proxy.Failure{Kind: proxy.KindError, Status: http.StatusBadGateway}
	cause := err
	var given caddyhttp.HandlerError
	if errors.As(err, &given) {
		if given.StatusCode != 0 {
			f.Status = given.StatusCode
		}
		// Left in the chain, its status would win over ours.
		if cause = given.Err; cause == nil {
			cause = errors.New(http.StatusText(f.Status))
		}
	}
	f.Err = fmt.Errorf("target %s: %w", t.name, cause)
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
