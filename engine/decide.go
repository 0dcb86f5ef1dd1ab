package engine

import (
	"net/http"
	"strings"
	"time"

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
		key = e.keyOf(match.Entry.Route.Sticky, r, c)
		facts.Key = key.text
	}
	return routes.Decide(facts, now), match.Entry, key
}

// Explain says which routes were looked at for a request, which one won, and
// what was decided from the state now, by the code that serves requests. Of r
// only method, URL, Host and Header are read, and nothing is changed; c stands
// for the client. For a visitor without a cookie it makes up an ID, as a real
// request would. The only error is ErrNoTable.
func (e *Engine) Explain(r *http.Request, c proxy.Client) (routes.Explanation, error) {
	v := e.view.Load()
	if v == nil {
		return routes.Explanation{}, ErrNoTable
	}
	asked := *r
	asked.Header, asked.Trailer = r.Header.Clone(), nil
	if asked.Header == nil {
		asked.Header = http.Header{}
	}
	removeForgeable(&asked)
	keyOf := func(entry *routes.Entry) (key, source string) {
		k := e.keyOf(entry.Route.Sticky, &asked, &c)
		return k.text, strings.TrimSpace(k.source + " " + entry.Route.Sticky.Name)
	}
	request := asRequest(&asked)
	return v.table.Explain(&request, v.stateOf, keyOf, e.now()), nil
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
