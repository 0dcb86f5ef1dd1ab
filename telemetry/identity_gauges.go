package telemetry

import (
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// IdentityState is the part of State that tells of sessions and tokens.
type IdentityState struct {
	// Lookups are by outcome: known, or the reason why not.
	Lookups map[string]uint64
	// Hits needed no lookup; Evicted were dropped because the monolith changed them.
	Hits, Evicted uint64
	// Sessions are kept now.
	Sessions int
	// Failing is true while the sessions' store does not answer.
	Failing bool
	// Watched is whether the store tells of sessions that end; nil where it cannot.
	Watched *bool
	// Minted and MintFailed are tokens; Rejected are requests of other sites.
	Minted, MintFailed, Rejected uint64
	// Keys are by their phase.
	Keys map[string]int64
}

// identityGauges are the observable instruments of an identity.
type identityGauges struct {
	lookups, hits, evicted, tokens, rejected metric.Int64ObservableCounter
	sessions, failing, watched, keys         metric.Int64ObservableGauge
}

func (g *identityGauges) make(meter metric.Meter) (all []metric.Observable, err error) {
	for _, c := range []struct {
		to                *metric.Int64ObservableCounter
		name, unit, about string
	}{
		{&g.lookups, "strangler.session.lookups", "{lookup}", "Sessions looked up, by outcome: known, or the reason why not."},
		{&g.hits, "strangler.session.cache.hits", "{request}", "Requests whose session was known without a lookup."},
		{&g.evicted, "strangler.session.evictions", "{session}", "Sessions forgotten because the monolith changed or ended them."},
		{&g.tokens, "strangler.tokens", "{token}", "Tokens by result: minted, failed (the monolith served)."},
		{&g.rejected, "strangler.csrf.rejected", "{request}", "Writing requests refused because another site may have sent them."},
	} {
		made, err := meter.Int64ObservableCounter(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.about))
		if err != nil {
			return nil, fmt.Errorf("counter %s: %w", c.name, err)
		}
		*c.to, all = made, append(all, made)
	}
	for _, c := range []struct {
		to                *metric.Int64ObservableGauge
		name, unit, about string
	}{
		{&g.sessions, "strangler.session.cached", "{session}", "Sessions kept in memory."},
		{&g.failing, "strangler.session.store.failing", "", "1 while the sessions' store does not answer and the monolith serves."},
		{&g.watched, "strangler.session.watched", "", "1 while the sessions' store tells of those that end, which then count at once; 0 while they count within the bound."},
		{&g.keys, "strangler.signing.keys", "{key}", "Published keys by phase: published, signing, retired."},
	} {
		made, err := meter.Int64ObservableGauge(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.about))
		if err != nil {
			return nil, fmt.Errorf("gauge %s: %w", c.name, err)
		}
		*c.to, all = made, append(all, made)
	}
	return all, nil
}

func (g *identityGauges) show(o metric.Observer, s *IdentityState) {
	if s == nil {
		return
	}
	with := func(name, value string) metric.MeasurementOption {
		return metric.WithAttributes(attribute.String(name, value))
	}
	for outcome, n := range s.Lookups {
		o.ObserveInt64(g.lookups, int64(n), with("outcome", outcome)) //#nosec G115 -- a count
	}
	for phase, n := range s.Keys {
		o.ObserveInt64(g.keys, n, with("phase", phase))
	}
	o.ObserveInt64(g.hits, int64(s.Hits))                                   //#nosec G115 -- a count
	o.ObserveInt64(g.evicted, int64(s.Evicted))                             //#nosec G115 -- a count
	o.ObserveInt64(g.tokens, int64(s.Minted), with("result", "minted"))     //#nosec G115 -- a count
	o.ObserveInt64(g.tokens, int64(s.MintFailed), with("result", "failed")) //#nosec G115 -- a count
	o.ObserveInt64(g.rejected, int64(s.Rejected))                           //#nosec G115 -- a count
	o.ObserveInt64(g.sessions, int64(s.Sessions))
	o.ObserveInt64(g.failing, flag(s.Failing))
	if s.Watched != nil {
		o.ObserveInt64(g.watched, flag(*s.Watched))
	}
}
