package engine

import (
	"net/http"
	"slices"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// Explanation is a routes.Explanation with what stands behind it here and now.
type Explanation struct {
	routes.Explanation
	// Brake and Hold are those in force for the request; nil when there is none.
	Brake *rollout.Brake `json:"brake,omitempty"`
	Hold  *rollout.Hold  `json:"hold,omitempty"`
	// Flag is what the flag of the route says; nil when nothing asked it.
	Flag *FlagAnswer `json:"flag,omitempty"`
	// Breaker is the state of the breaker of the service that the decision
	// names, when it keeps requests from it; else empty.
	Breaker string `json:"breaker,omitempty"`
	// Fallback says, with a Breaker, that the monolith answers instead; without
	// it the answer is 503, because the route's fallback leaves connect out.
	Fallback bool `json:"fallback,omitempty"`
}

// Explain says which routes were looked at for a request, which one won, and
// what was decided from the state now, by the code that serves requests. Of r
// only method, URL, Host and Header are read, and nothing is changed; c stands
// for the client. For a visitor without a cookie it makes up an ID, as a real
// request would. The only error is ErrNoTable.
func (e *Engine) Explain(r *http.Request, c proxy.Client) (Explanation, error) {
	v := e.view.Load()
	if v == nil {
		return Explanation{}, ErrNoTable
	}
	asked := *r
	asked.Header, asked.Trailer = r.Header.Clone(), nil
	if asked.Header == nil {
		asked.Header = http.Header{}
	}
	removeForgeable(&asked, e.guardOf(v))
	var key stickyKey
	keyOf := func(entry *routes.Entry) (text, source string) {
		key = e.keyOf(entry.Route.Sticky, &asked, &c)
		return key.text, key.from(entry.Route.Sticky)
	}
	var flag *FlagAnswer
	flagOf := func(entry *routes.Entry) (value routes.FlagValue, text, source string) {
		var answer flags.Answer
		answer, key = e.askFlag(asker{request: &asked, client: &c, route: entry.Route})
		flag = explainFlag(entry.Route.Flag, &answer)
		return flagValue(&answer), key.text, key.from(entry.Route.Sticky)
	}
	request, now := asRequest(&asked), e.now()
	x := Explanation{Explanation: v.table.Explain(&request, v.stateOf, keyOf, flagOf, now), Brake: v.snapshot.Brake}
	x.Flag = flag
	entry := v.table.Entry(x.Decision.Route)
	if entry == nil {
		return x, nil
	}
	e.keepOff(&x.Decision, entry.Route, key, func() stickyKey { _, x.KeySource = keyOf(entry); return key }, now)
	e.identify(&asked, entry, v.laneOf(entry).papers, askedFor(&x.Decision, &key, &c), now)
	if hold := v.snapshot.Route(entry.Route.Name).Hold; hold.Active(now) {
		x.Hold = hold
	}
	if target := v.laneOf(entry).service.target; target != nil && x.Decision.Arm == routes.Service {
		x.breaker(target.Status().Breaker, &entry.Route.Fallback)
	}
	return x, nil
}

// breaker notes a breaker that is not closed.
func (x *Explanation) breaker(state string, f *routes.Fallback) {
	if state == proxy.BreakerOpen || state == proxy.BreakerHalfOpen {
		x.Breaker = state
		x.Fallback = f.Connect || !f.Declared || slices.Contains(f.Status, http.StatusServiceUnavailable)
	}
}
