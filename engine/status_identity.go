package engine

import (
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/telemetry"
)

// IdentityStatus is how sessions are read and tokens are made. Counts are from the
// start of the engine.
type IdentityStatus struct {
	Issuer string `json:"issuer"`
	// Notice is what an operator should know of the issuer: that no site has its host.
	Notice string `json:"notice,omitempty"`
	// Sessions is how the monolith's sessions are read.
	Sessions identity.ResolverStatus `json:"sessions"`
	// Keys are the published ones, in the order in which they sign. Empty: they are
	// not known, and there are no tokens.
	Keys []KeyStatus `json:"keys"`
	// NoTokensUntil is set when no key signs now: until then routes that need a
	// token are the monolith's.
	NoTokensUntil time.Time `json:"no_tokens_until,omitzero"`
	// Minted is how many tokens were made, Failed how many could not be.
	Minted uint64 `json:"tokens_minted"`
	Failed uint64 `json:"tokens_failed"`
	// Rejected is how many requests were refused that another site may have sent.
	Rejected uint64 `json:"csrf_rejected"`
}

// KeyStatus is a key that signs tokens, did, or will.
type KeyStatus struct {
	ID        string          `json:"kid"`
	Algorithm token.Algorithm `json:"alg"`
	Phase     token.Phase     `json:"phase"`
	Published time.Time       `json:"published"`
	Signs     time.Time       `json:"signs"`
	// Retires is when another takes its place; zero: not known yet.
	Retires time.Time `json:"retires,omitzero"`
}

// status is nil without an identity.
func (w *whois) status(now time.Time) *IdentityStatus {
	if w == nil {
		return nil
	}
	counts, set := w.Minter.Counts(), w.Ring.Set()
	s := &IdentityStatus{
		Issuer: w.Ring.Issuer(), Sessions: w.Resolver.Status(), Keys: []KeyStatus{},
		Minted: counts.Minted, Failed: counts.Failed, Rejected: w.rejected.Load(), NoTokensUntil: set.Gap(now),
	}
	if notice := w.notice.Load(); notice != nil {
		s.Notice = *notice
	}
	for _, key := range set.Public(now) {
		s.Keys = append(s.Keys, KeyStatus{
			ID: key.ID(), Algorithm: key.Algorithm(), Phase: key.Phase(now),
			Published: key.Published, Signs: key.Signs, Retires: key.Retires,
		})
	}
	return s
}

// NoteIssuer makes a text part of the status: what an operator should know of the
// issuer. Empty: nothing.
func (e *Engine) NoteIssuer(text string) {
	if e.identity != nil {
		e.identity.notice.Store(&text)
	}
}

// gauges is what the metrics show; nil without an identity.
func (w *whois) gauges(now time.Time) *telemetry.IdentityState {
	s := w.status(now)
	if s == nil {
		return nil
	}
	state := &telemetry.IdentityState{
		Lookups: s.Sessions.Lookups, Hits: s.Sessions.Hits, Sessions: s.Sessions.Sessions, Evicted: s.Sessions.Evicted,
		Failing: s.Sessions.Store != "ok", Minted: s.Minted, MintFailed: s.Failed, Rejected: s.Rejected, Keys: map[string]int64{},
	}
	if watch := s.Sessions.Watch; watch != nil {
		on := watch.State == identity.WatchOn
		state.Watched = &on
	}
	for _, key := range s.Keys {
		state.Keys[string(key.Phase)]++
	}
	return state
}
