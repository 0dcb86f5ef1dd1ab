package proxy

import (
	"time"

	"github.com/sony/gobreaker/v2"
)

// The states of a breaker.
const (
	BreakerClosed   = "closed"    // the target is asked
	BreakerOpen     = "open"      // it is not
	BreakerHalfOpen = "half_open" // one request at a time tries whether it is back
	BreakerNone     = "none"      // the monolith is always asked
)

// Status is what a target reports of itself.
type Status struct {
	Name string      `json:"name"`
	URLs []URLStatus `json:"urls"`
	// Breaker is one of the states above.
	Breaker string `json:"breaker"`
	// InFlight counts requests under way, without Streams: event streams, gRPC
	// calls and WebSockets, which the bulkhead does not count once their answer
	// has begun.
	InFlight int64 `json:"in_flight"`
	Streams  int64 `json:"streams"`
	// MaxInFlight is the bulkhead's size; 0: no limit.
	MaxInFlight int64 `json:"max_in_flight"`
	// Failures counts the target's failures since Since, when it was made: no
	// connection, no answer, a broken one, and answers 502, 503 and 504.
	Failures uint64    `json:"failures"`
	Since    time.Time `json:"since"`
	// LastError is the latest of them, LastErrorAt its time.
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
}

// URLStatus is one URL of a target.
type URLStatus struct {
	URL string `json:"url"`
	// Up is false for a few seconds after a dial failed.
	Up bool `json:"up"`
}

// Status reports the target's state at this moment.
func (t *Target) Status() Status {
	s := Status{
		Name:        t.name,
		Breaker:     BreakerNone,
		InFlight:    t.inFlight.Load(),
		Streams:     t.streams.Load(),
		MaxInFlight: t.maxInFlight,
		Failures:    t.failures.Load(),
		Since:       t.since,
	}
	for _, e := range t.endpoints {
		s.URLs = append(s.URLs, URLStatus{URL: e.url, Up: !e.avoided()})
	}
	if t.breaker != nil {
		s.Breaker = BreakerClosed
		switch t.breaker.State() {
		case gobreaker.StateOpen:
			s.Breaker = BreakerOpen
		case gobreaker.StateHalfOpen:
			s.Breaker = BreakerHalfOpen
		case gobreaker.StateClosed:
		}
	}
	if last := t.last.Load(); last != nil {
		s.LastError, s.LastErrorAt = last.text, last.at
	}
	return s
}
