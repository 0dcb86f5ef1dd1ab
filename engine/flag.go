package engine

import (
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// FlagAnswer is what a route's flag says, for explanations. It does not hold the
// key it was asked with.
type FlagAnswer struct {
	Key   string `json:"key"`
	Value bool   `json:"value"`
	// Variant, Reason and Source are the provider's name for the value,
	// OpenFeature's word for why, and which source answered.
	Variant string `json:"variant,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Source  string `json:"source,omitempty"`
	// Error is why there is no value; the monolith serves then.
	Error flags.ErrorKind `json:"error,omitempty"`
	// Stale is true for a last known value, AgeSeconds old.
	Stale      bool    `json:"stale,omitempty"`
	AgeSeconds float64 `json:"age_seconds,omitempty"`
}

// errNoFlags is the error of every flag when the configuration names no source.
const errNoFlags flags.ErrorKind = "no_source"

// asker is who a flag is asked for: a request to a route.
type asker struct {
	request *http.Request
	client  *proxy.Client
	route   *routes.Route
	person  *identity.Person // who it is from; nil unless an attribute needs it
}

// askFlag asks a route's flag, and gives the sticky key it was asked with. One
// that says the same to everybody needs none, so that no visitor gets a cookie for
// it. It waits for the few milliseconds that the evaluator allows at the longest.
func (e *Engine) askFlag(a asker) (flags.Answer, stickyKey) {
	if e.options.Flags == nil {
		return flags.Answer{Err: errNoFlags}, stickyKey{}
	}
	ctx := a.request.Context()
	if answer, same := e.options.Flags.Everybody(ctx, a.route.Flag); same {
		return answer, stickyKey{}
	}
	key := e.keyOf(a.route.Sticky, a.request, a.client)
	if refused := e.meet(&a, &key); refused != "" {
		return flags.Answer{Err: flags.ErrorKind(refused)}, key
	}
	var known [routes.MaxFlagAttributes]flags.Attribute
	q := flags.Query{Flag: a.route.Flag, Key: key.text, Attributes: a.attributes(known[:0])}
	return e.options.Flags.Decide(ctx, &q), key
}

// meet finds out who a request is from, when an attribute needs to know. When
// that cannot be found out the flag is not asked: refused says why.
func (e *Engine) meet(a *asker, key *stickyKey) (refused routes.Reason) {
	if key.refused != "" {
		return key.refused
	}
	if e.identity == nil || !a.route.UsesIdentity() {
		return ""
	}
	if key.person == nil {
		key.person = e.identity.Resolver.Resolve(a.request.Context(), a.request.Header, e.now())
	}
	a.person = key.person
	if a.person.State == session.Unavailable {
		key.refused = reasonOf(a.person)
	}
	return key.refused
}

// maxAttribute is the longest value that a source of flags is told, in bytes. A
// part of a longer one would be another value.
const maxAttribute = 256

// attributes appends what the source of a flag may know of the request. What is
// not there, and what nobody could say for sure, is left out.
func (a asker) attributes(all []flags.Attribute) []flags.Attribute {
	for i := range a.route.FlagAttributes {
		attribute := &a.route.FlagAttributes[i]
		if value := a.value(attribute); value != "" && len(value) <= maxAttribute {
			all = append(all, flags.Attribute{Name: attribute.Text, Value: value})
		}
	}
	return all
}

func (a asker) value(of *routes.FlagAttribute) string {
	switch of.From {
	case routes.FromMethod:
		return a.request.Method
	case routes.FromPath:
		return a.request.URL.Path
	case routes.FromHost:
		return routes.HostName(a.request.Host)
	case routes.FromIP:
		return a.client.IP
	case routes.FromHeader:
		return single(a.request.Header[of.Header])
	case routes.FromUser:
		return a.person.Subject()
	case routes.FromClaim:
		return a.person.Text(of.Claim)
	}
	return ""
}

// flagValue is an answer as a decision takes it.
func flagValue(a *flags.Answer) routes.FlagValue {
	switch {
	case a.Err != "":
		return routes.FlagUnknown
	case a.Value:
		return routes.FlagOn
	}
	return routes.FlagOff
}

func explainFlag(key string, a *flags.Answer) *FlagAnswer {
	return &FlagAnswer{
		Key: key, Value: a.Value, Variant: a.Variant, Reason: a.Reason, Source: a.Source, Error: a.Err,
		Stale: a.Stale, AgeSeconds: a.Age.Round(time.Millisecond).Seconds(),
	}
}

// carry puts the flag that decided, and those that the route lists, into the
// baggage of a request to a service, so that it and what it calls decide alike.
// What is not known at once is left out: nobody waits for it. It gives the key
// that it needed, which may be new.
func (e *Engine) carry(a asker, decided string, result *Result, key stickyKey) stickyKey {
	d := &result.Decision
	if d.Arm != routes.Service {
		return key
	}
	pass, clients := &result.pass, a.request.Header[flags.BaggageHeader]
	if d.Reason == routes.ReasonFlag && len(a.route.Baggage) == 0 && len(clients) == 0 {
		pass.baggage[0] = decided
		pass.set(flags.BaggageHeader, pass.baggage[:])
		return key
	}
	var room [routes.MaxBaggage + 1]flags.Carried
	all := room[:0]
	if d.Reason == routes.ReasonFlag {
		all = append(all, flags.Carried{Flag: a.route.Flag, Value: true})
	}
	if e.options.Flags != nil && len(a.route.Baggage) > 0 {
		all, key = e.known(a, all, key)
	}
	if len(all) > 0 {
		lines, _ := flags.Baggage(clients, all) // as many as fit
		pass.set(flags.BaggageHeader, lines)
	}
	return key
}

// known appends the flags that the route lists.
func (e *Engine) known(a asker, all []flags.Carried, key stickyKey) ([]flags.Carried, stickyKey) {
	ctx := a.request.Context()
	var known [routes.MaxFlagAttributes]flags.Attribute
	if e.meet(&a, &key) != "" {
		return all, key
	}
	q := flags.Query{Attributes: a.attributes(known[:0])}
	for _, flag := range a.route.Baggage {
		answer, same := e.options.Flags.Everybody(ctx, flag)
		if !same {
			if key.source == "" {
				key = e.keyOf(a.route.Sticky, a.request, a.client)
			}
			q.Flag, q.Key = flag, key.text
			answer = e.options.Flags.Known(ctx, &q)
		}
		if answer.Err == "" {
			all = append(all, flags.Carried{Flag: flag, Value: answer.Value})
		}
	}
	return all, key
}
