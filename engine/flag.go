package engine

import (
	"context"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/flags"
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

// askFlag asks a route's flag. It waits for the few milliseconds that the
// evaluator allows at the longest.
func (e *Engine) askFlag(ctx context.Context, entry *routes.Entry, key string) flags.Answer {
	if e.options.Flags == nil {
		return flags.Answer{Err: errNoFlags}
	}
	return e.options.Flags.Decide(ctx, &flags.Query{Flag: entry.Route.Flag, Key: key})
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

// carry puts the flag that decided into the baggage of a request to a service,
// so that what it calls decides alike.
func carry(h http.Header, entry *routes.Entry, d *routes.Decision) {
	if d.Reason == routes.ReasonFlag && d.Arm == routes.Service {
		flags.AddBaggage(h, []flags.Carried{{Flag: entry.Route.Flag, Value: true}})
	}
}
