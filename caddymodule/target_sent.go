package caddymodule

import (
	"context"
	"errors"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// attempts notes what the transports of a block's handlers did with a request.
// A reverse_proxy that tries again (lb_retries, lb_try_duration) returns the
// last error only: that it could not dial then says nothing about the upstream
// that it had asked before.
type attempts struct {
	dialing   atomic.Bool // some transport tells what it does
	connected atomic.Bool // one had a connection: from there on it may have sent
}

func (a *attempts) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { a.dialing.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
	})
}

// sent says whether an upstream may have got the request. FastCGI's transport
// tells nothing, so there every failure but the first one counts.
func (a *attempts) sent(ctx context.Context) bool {
	if a.dialing.Load() {
		return a.connected.Load()
	}
	repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return false
	}
	retries, _ := repl.Get("http.reverse_proxy.retries")
	n, _ := retries.(int)
	return n > 0
}

// unsent says whether reverse_proxy failed, at last, before it sent anything.
// Its error for having no healthy upstream is known by its text only.
func unsent(err error) bool {
	var dial reverseproxy.DialError
	var given caddyhttp.HandlerError
	return errors.As(err, &dial) ||
		errors.As(err, &given) && given.Err != nil && given.Err.Error() == "no upstreams available"
}
