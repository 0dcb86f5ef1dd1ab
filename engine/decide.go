package engine

import (
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// ReasonNoTarget is the reason when the route's service has no url and the
// site that was asked has no block for it: the monolith serves.
const ReasonNoTarget routes.Reason = "no_target"

// decide is the part of a request's way that an explanation shares.
func (e *Engine) decide(v *view, r *http.Request, c *proxy.Client, now time.Time) (routes.Decision, *routes.Entry, stickyKey) {
	asked := asRequest(r)
	match := v.table.Match(&asked)
	if match.Entry == nil {
		return routes.Decide(routes.Facts{Match: match}, now), nil, stickyKey{}
	}
	facts := routes.Facts{Match: match, State: v.stateOf(match.Entry)}
	var key stickyKey
	if routes.NeedsKey(match.Entry, facts.State, now) {
		if match.Entry.Route.Flag != "" {
			var answer flags.Answer
			answer, key = e.askFlag(asker{request: r, client: c, route: match.Entry.Route})
			facts.Flag = flagValue(&answer)
		} else {
			key = e.keyOf(match.Entry.Route.Sticky, r, c)
		}
		facts.Key = key.text
	}
	d := routes.Decide(facts, now)
	if key.refused != "" && (d.Reason == routes.ReasonNoKey || d.Reason == routes.ReasonFlagUnavailable) {
		d.Reason = key.refused
	}
	key = e.keepOff(&d, match.Entry.Route, key, func() stickyKey { return e.keyOf(match.Entry.Route.Sticky, r, c) }, now)
	return d, match.Entry, key
}

// asRequest is what of r a route is matched by. A target in absolute form (RFC
// 9112 §3.2.2), which names a host beside the Host field, has no path that all
// servers read alike.
func asRequest(r *http.Request) routes.Request {
	asked := routes.Request{
		Method: r.Method, Host: r.Host,
		Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
		Header: r.Header,
	}
	if r.URL.Host != "" {
		asked.Path, asked.RawPath = "", ""
	}
	return asked
}
