package engine

import (
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// Remember keeps the last n requests for previews, 0 for none, as much as
// package recent says. With another n than before those remembered so far are
// forgotten.
func (e *Engine) Remember(n int) {
	before := e.recent.Load()
	switch {
	case n <= 0:
		e.recent.Store(nil)
	case before == nil || before.Len() != n:
		e.recent.Store(recent.New(n))
	}
}

// remember adds a request, decided as d, to those that are remembered. key is
// what the decision needed.
func (e *Engine) remember(v *view, r *http.Request, c *proxy.Client, entry *routes.Entry, d *routes.Decision, key *stickyKey, at time.Time) {
	ring := e.recent.Load()
	if ring == nil {
		return
	}
	f := recent.Facts{Arm: d.Arm, Bucket: routes.NoBucket}
	switch d.Reason {
	case routes.ReasonAmbiguousPath:
		f.Kept = recent.KeptAmbiguousPath
	case ReasonPinned:
		f.Kept = recent.KeptPinned
	case ReasonNoTarget:
		f.Kept = recent.KeptNoTarget
	case ReasonAmbiguousSession, ReasonSessionUnavailable, ReasonAnonymous, ReasonNoToken, ReasonCSRFUnclear:
		f.Kept = recent.KeptIdentity
	default:
	}
	if entry != nil {
		lane := v.laneOf(entry)
		f.Route = lane.route
		if entry.Route.Flag != "" {
			f.Flag, f.Asked = flagOf(d)
		} else if salt := v.states[entry.Index].Salt; entry.Route.Service != "" && salt != "" {
			f.Sticky, f.Salt = lane.sticky, recent.Hash(salt)
			e.rememberKey(&f, r, c, entry.Route, d, salt, key.text)
		}
	}
	asked := asRequest(r)
	ring.Add(v.layout, &asked, &f, at)
}

// rememberKey notes what is known of the sticky key, also where the decision
// needed none: a preview asks what another share would do.
func (e *Engine) rememberKey(f *recent.Facts, r *http.Request, c *proxy.Client, route *routes.Route, d *routes.Decision, salt, key string) {
	switch {
	case d.Bucket != routes.NoBucket:
		f.Key, f.Bucket = recent.KeyBucket, d.Bucket
		return
	case d.Reason == routes.ReasonNoKey:
		f.Key = recent.KeyMissing
		return
	case key == "":
		key, f.Key = e.glance(route.Sticky, r, c)
	}
	if key != "" {
		f.Key, f.Bucket = recent.KeyBucket, routes.Bucket(salt, key)
	}
}

// glance is keyOf for a request that was decided without a key. It costs little
// and makes nothing up: a visitor's signature is not checked, and without a
// cookie there is no key yet. It must find the key that keyOf would: who
// changes one changes the other.
func (e *Engine) glance(by routes.Sticky, r *http.Request, c *proxy.Client) (key string, otherwise recent.Key) {
	switch by.By {
	case routes.StickyUser:
		return e.glanceUser(r, e.now())
	case routes.StickyVisitor:
	case routes.StickyIP, routes.StickyCookie, routes.StickyHeader:
		return e.keyOf(by, r, c).text, recent.KeyMissing
	}
	if id, ok := identity.Claimed(r); ok {
		return id, recent.KeyBucket
	}
	return "", recent.KeyNewVisitor
}

// flagOf is what a route's flag must have said for a decision, and whether it
// was asked.
func flagOf(d *routes.Decision) (routes.FlagValue, bool) {
	switch d.Reason {
	case routes.ReasonFlag, ReasonPinned, ReasonNoTarget:
		if d.Arm == routes.Service || d.Reason != routes.ReasonFlag {
			return routes.FlagOn, true
		}
		return routes.FlagOff, true
	case routes.ReasonFlagUnavailable:
		return routes.FlagUnknown, true
	default:
		return routes.FlagUnknown, false
	}
}
