package identity

import (
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/strangler-proxy/strangler/identity/session"
)

// ResolverStatus is how a Resolver is, at one moment. Counts are from its making.
type ResolverStatus struct {
	// Sessions are kept now, at most Limit.
	Sessions int `json:"sessions"`
	Limit    int `json:"limit"`
	// Hits are requests that needed no lookup.
	Hits uint64 `json:"hits"`
	// Lookups are by their outcome: known, or the reason why not.
	Lookups map[string]uint64 `json:"lookups"`
	// Evicted were dropped because the monolith changed or ended them; Dropped made
	// room for others.
	Evicted uint64 `json:"evicted"`
	Dropped uint64 `json:"dropped"`
	// Store is ok, failing, or resting: not asked for a moment.
	Store string `json:"store"`
	// Reason and Error say why the store fails, since Since; empty when it answers.
	Reason session.Reason `json:"reason,omitempty"`
	Error  string         `json:"error,omitempty"`
	Since  time.Time      `json:"since,omitzero"`
	// Unread is the last session that the store had and that could not be read; nil
	// when there was none.
	Unread *Unread `json:"unread,omitempty"`
	// Forged says that most sessions of late are signed with none of the configured
	// keys (bad_signature), so that their users count as anonymous.
	Forged bool `json:"forged,omitempty"`
	// Watch is whether the store tells of changed sessions at once; nil when it
	// cannot, and the bound alone counts.
	Watch *WatchStatus `json:"watch,omitempty"`
}

// Unread is a session that could not be read.
type Unread struct {
	At     time.Time      `json:"at"`
	Reason session.Reason `json:"reason"`
	Error  string         `json:"error,omitempty"`
}

// Status says how the resolver is.
func (r *Resolver) Status() ResolverStatus {
	s := ResolverStatus{
		Sessions: int(r.cache.count.Load()), Limit: r.cache.limit(), Hits: r.hits.Load(),
		Lookups: map[string]uint64{}, Evicted: r.evicted.Load(), Dropped: r.cache.dropped.Load(), Store: "ok",
		Forged: r.forged.now(r.options.Now()), Watch: r.watched(),
	}
	for i, reason := range reasonPlaces {
		if n := r.counts[i].Load(); n > 0 {
			s.Lookups[outcomeWord(reason)] = n
		}
	}
	if t := r.trouble.Load(); t != nil {
		s.Store, s.Reason, s.Error, s.Since = "failing", t.reason, t.detail, t.since
	}
	if t := r.odd.Load(); t != nil {
		s.Unread = &Unread{At: t.last, Reason: t.reason, Error: t.detail}
	}
	if r.breaker.State() == gobreaker.StateOpen {
		s.Store = "resting"
	}
	return s
}

// outcomeWord is a reason's word, with one for Known, which has none.
func outcomeWord(reason session.Reason) string {
	if reason == "" {
		return session.Known.String()
	}
	return string(reason)
}
