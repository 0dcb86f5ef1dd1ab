package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/routes"
)

// side is what requests are decided by, now or by a draft.
type side struct {
	table   *routes.Table
	stateOf func(*routes.Entry) routes.State
}

// comparison is a preview under way.
type comparison struct {
	*Preview
	examples  int
	time      time.Time
	now, then side
	routes    map[string]*PreviewRoute
	why       map[string]*unjudged
}

// unjudged are requests that cannot be judged for one reason, and the sum of the
// shares that the draft gives them.
type unjudged struct {
	count  int
	shares uint64 // in ppm
}

// add compares one request.
func (c *comparison) add(r *recent.Record) {
	c.Considered++
	c.Since = r.At
	if c.Considered == 1 {
		c.Until = r.At
	}
	now, why := c.decide(r, &c.now)
	if why == "" && now.Arm != r.Arm {
		c.Moved++
	}
	then, whyThen := c.decide(r, &c.then)
	if why != "" || whyThen != "" {
		c.unknown(&now, &then, cmp.Or(whyThen, why))
		return
	}
	c.compare(r, &now, &then)
}

// unknown counts a request that cannot be judged.
func (c *comparison) unknown(now, then *routes.Decision, why string) {
	c.Unknown++
	if now.Reason != "" || now.Route != "" {
		c.route(now.Route).Unknown++
	}
	u := c.why[why]
	if u == nil {
		u = new(unjudged)
		c.why[why] = u
	}
	u.count++
	u.shares += uint64(then.Share)
}

// compare counts a request that is decided both ways.
func (c *comparison) compare(r *recent.Record, now, then *routes.Decision) {
	was, is := c.route(now.Route), c.route(then.Route)
	was.Now++
	is.Then++
	if now.Arm == routes.Service {
		was.ServiceNow++
	}
	if then.Arm == routes.Service {
		is.ServiceThen++
	}
	switch {
	case now.Arm == then.Arm && now.Route == then.Route:
		return
	case now.Arm == then.Arm:
	case then.Arm == routes.Service:
		c.ToService++
		is.ToService++
	default:
		c.ToMonolith++
		is.ToMonolith++
	}
	c.Changed++
	if now.Route != then.Route {
		c.ToRoute++
	}
	if len(c.Examples) < c.examples {
		c.Examples = append(c.Examples, Example{At: r.At, Method: r.Method, Host: r.Host, Path: r.Path, From: *now, To: *then})
	}
}

func (c *comparison) route(name string) *PreviewRoute {
	r := c.routes[name]
	if r == nil {
		r = &PreviewRoute{Route: name}
		c.routes[name] = r
	}
	return r
}

// decide decides a request again; why says why that cannot be done. Then the
// route and the share are set as far as they are known.
func (c *comparison) decide(r *recent.Record, by *side) (d routes.Decision, why string) {
	if r.Kept == recent.KeptAmbiguousPath {
		return routes.Decide(routes.Facts{Match: routes.Match{Reason: routes.ReasonAmbiguousPath}}, c.time), ""
	}
	if r.Cut {
		return d, "the path is longer than what is kept of it"
	}
	asked := routes.Request{Method: r.Method, Host: r.Host, Path: r.Path}
	match, missing := by.table.MatchRecalled(&asked, r.Recall)
	if missing != nil {
		return d, "of " + missing.String() + " not enough is kept"
	}
	entry := match.Entry
	if entry == nil {
		return routes.Decide(routes.Facts{Match: match}, c.time), ""
	}
	facts := routes.Facts{Match: match, State: by.stateOf(entry)}
	bucket := routes.NoBucket
	if routes.NeedsKey(entry, facts.State, c.time) {
		if entry.Route.Flag != "" {
			facts.Flag, why = c.flag(r, entry)
		} else {
			bucket, why = bucketOf(r, entry, facts.State.Salt)
		}
	}
	d = routes.DecideRecalled(facts, bucket, c.time)
	if why != "" {
		return d, why
	}
	keptOff(&d, r, entry)
	return d, ""
}

// keptOff turns a decision for the service to the monolith for what kept the
// request from the service of this route when it came.
func keptOff(d *routes.Decision, r *recent.Record, entry *routes.Entry) {
	if d.Arm != routes.Service || r.Route != recent.Hash(entry.Route.Name) {
		return
	}
	switch {
	case r.Kept == recent.KeptPinned && entry.Route.PinAfterFailure > 0:
		d.Arm, d.Reason = routes.Monolith, ReasonPinned
	case r.Kept == recent.KeptNoTarget:
		d.Arm, d.Reason = routes.Monolith, ReasonNoTarget
	case r.Kept == recent.KeptIdentity && entry.Route.UsesIdentity():
		d.Arm, d.Reason = routes.Monolith, ReasonNoToken
	}
}

// flag is what the flag of a route said for a request, when it was the same flag
// of the same route that was asked.
func (c *comparison) flag(r *recent.Record, entry *routes.Entry) (routes.FlagValue, string) {
	running := c.now.table.Entry(entry.Route.Name)
	if r.Asked && r.Route == recent.Hash(entry.Route.Name) && running != nil && sameQuestion(running.Route, entry.Route) {
		return r.Flag, ""
	}
	return routes.FlagUnknown, "flag " + entry.Route.Flag + " was not asked for it"
}

// sameQuestion says whether two routes ask their flag alike.
func sameQuestion(a, b *routes.Route) bool {
	return a.Flag == b.Flag && a.Sticky == b.Sticky && slices.Equal(a.FlagAttributes, b.FlagAttributes)
}

// bucketOf is the bucket that a request has by a route and its salt.
func bucketOf(r *recent.Record, entry *routes.Entry, salt string) (routes.PPM, string) {
	switch sticky := entry.Route.Sticky; {
	case r.Key == recent.KeyNotAsked || r.Sticky != recent.HashSticky(sticky):
		return routes.NoBucket, "what sticky: " + sticky.String() + " looks at was not kept"
	case r.Key == recent.KeyMissing:
		return routes.NoBucket, ""
	case r.Key == recent.KeyNewVisitor:
		return routes.NoBucket, "new visitors get their bucket by chance"
	case salt == saltToCome:
		return routes.NoBucket, "a new route or cohort gets its salt, and with it the buckets, when the table is put in force"
	case r.Salt != recent.Hash(salt):
		return routes.NoBucket, "the bucket is of another route or cohort"
	}
	return r.Bucket, ""
}

// compare puts routes with more changes first.
func (r PreviewRoute) compare(other PreviewRoute) int {
	return cmp.Or(
		cmp.Compare(other.ToService+other.ToMonolith, r.ToService+r.ToMonolith),
		cmp.Compare(max(other.Now, other.Then), max(r.Now, r.Then)),
		cmp.Compare(other.Unknown, r.Unknown), cmp.Compare(r.Route, other.Route),
	)
}

func (u Unjudged) compare(other Unjudged) int {
	return cmp.Or(cmp.Compare(other.Count, u.Count), cmp.Compare(u.Why, other.Why))
}
