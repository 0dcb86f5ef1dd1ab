package engine

import (
	"context"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/flags/ofrepserver"
	"github.com/strangler-proxy/strangler/routes"
)

// RouteFlags answers questions by OFREP about routes: each route with a service
// is a boolean flag by its name, true where a request with the context's
// targetingKey as its sticky key would go to the service. It is the decision that
// requests get, with brake, hold, share, flag and pins, but for what only a
// request has: whether it matches the route, and the state of the service.
func (e *Engine) RouteFlags() ofrepserver.Source { return routeFlags{e} }

type routeFlags struct{ engine *Engine }

// bulkTime bounds how long an answer about all routes may wait for sources of
// flags over a network.
const bulkTime = 100 * time.Millisecond

// Evaluate implements ofrepserver.Source.
func (f routeFlags) Evaluate(ctx context.Context, key string, about ofrepserver.Context) (ofrepserver.Flag, bool) {
	v := f.engine.view.Load()
	if v == nil {
		return ofrepserver.Flag{}, false
	}
	entry := v.table.Entry(key)
	if entry == nil || entry.Route.Service == "" {
		return ofrepserver.Flag{}, false
	}
	return f.engine.routeFlag(ctx, v, entry, about), true
}

// EvaluateAll implements ofrepserver.Source.
func (f routeFlags) EvaluateAll(ctx context.Context, about ofrepserver.Context) []ofrepserver.Flag {
	v := f.engine.view.Load()
	if v == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, bulkTime)
	defer cancel()
	var all []ofrepserver.Flag
	for _, entry := range v.table.Routes() {
		if entry.Route.Service != "" {
			all = append(all, f.engine.routeFlag(ctx, v, entry, about))
		}
	}
	return all
}

func (e *Engine) routeFlag(ctx context.Context, v *view, entry *routes.Entry, about ofrepserver.Context) ofrepserver.Flag {
	facts := routes.Facts{Match: routes.Match{Entry: entry}, State: v.stateOf(entry), Key: about.TargetingKey()}
	now := e.now()
	var answer flags.Answer
	if entry.Route.Flag != "" && routes.NeedsKey(entry, facts.State, now) {
		answer = e.askFlagAbout(ctx, entry.Route, about)
		facts.Flag = flagValue(&answer)
	}
	d := routes.Decide(facts, now)
	key := stickyKey{text: facts.Key}
	e.keepOff(&d, entry.Route, key, func() stickyKey { return key }, now)
	return ofrepserver.Flag{
		Key: entry.Route.Name, Value: d.Arm == routes.Service, Variant: d.Arm.String(),
		Reason: openFeatureReason(&d, &answer), Metadata: map[string]any{"strangler.reason": string(d.Reason), "strangler.table": v.table.Version()},
	}
}

// askFlagAbout is askFlag for a context that was sent instead of a request.
func (e *Engine) askFlagAbout(ctx context.Context, route *routes.Route, about ofrepserver.Context) flags.Answer {
	if e.options.Flags == nil {
		return flags.Answer{Err: errNoFlags}
	}
	if answer, same := e.options.Flags.Everybody(ctx, route.Flag); same {
		return answer
	}
	q := flags.Query{Flag: route.Flag, Key: about.TargetingKey()}
	for _, attribute := range route.FlagAttributes {
		if value := attributeIn(about, &attribute); value != "" && len(value) <= maxAttribute {
			q.Attributes = append(q.Attributes, flags.Attribute{Name: attribute.Text, Value: value})
		}
	}
	return e.options.Flags.Decide(ctx, &q)
}

// attributeIn is the value of an attribute in a context, under the name that rules know
// it by; empty when there is none that is a text.
func attributeIn(about ofrepserver.Context, of *routes.FlagAttribute) string {
	if of.From != routes.FromHeader {
		value, _ := about[of.Text].(string)
		return value
	}
	headers, _ := about["headers"].(map[string]any)
	value, _ := headers[of.HeaderText()].(string)
	return value
}

// openFeatureReason is a decision's reason in OpenFeature's words
// (https://openfeature.dev/specification/types#resolution-reason).
func openFeatureReason(d *routes.Decision, answer *flags.Answer) string {
	switch d.Reason {
	case routes.ReasonBrake, routes.ReasonHold:
		return "DISABLED"
	case routes.ReasonOff, routes.ReasonFull:
		return "STATIC"
	case routes.ReasonSplit:
		return "SPLIT"
	case routes.ReasonFlag:
		return answer.Reason
	default: // a doubt, which is the monolith
		return "DEFAULT"
	}
}
