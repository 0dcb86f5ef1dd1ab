package proxy

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// DefaultMaxInFlight is how many requests may be under way at a service at
// once when its target does not say.
const DefaultMaxInFlight = 1024

// Options are what New needs beside the target's own words.
type Options struct {
	// Monolith: nobody else could answer, so there is no breaker, and no
	// bulkhead unless the target asks for one.
	Monolith bool
	// Logger gets what cannot be returned; nil discards it.
	Logger *slog.Logger
	// TLS is the base of the client configuration for https; nil: the system's
	// roots.
	TLS *tls.Config
	// Transport replaces the target's own connections, for tests.
	Transport http.RoundTripper
}

// Target is an Upstream at one or more URLs. Safe for concurrent use.
type Target struct {
	name string
}

// New makes a target. It dials nothing. The errors are those of its URLs.
func New(t *routes.Target, o Options) (*Target, error) {
	return &Target{name: t.Name}, nil
}

// Serve implements Upstream: forwards r to one of the target's URLs.
func (t *Target) Serve(w http.ResponseWriter, r *http.Request, c *Call) error {
	return &Failure{Kind: KindConnect, Status: http.StatusBadGateway, Err: errors.New("not there yet")}
}

// Close closes idle connections. Requests under way go on.
func (t *Target) Close() {}

// Status is what a target reports of itself.
type Status struct {
	Name string      `json:"name"`
	URLs []URLStatus `json:"urls"`
	// Breaker is closed, open, half_open, or none (the monolith).
	Breaker string `json:"breaker"`
	// InFlight counts requests under way, but for Streams: event streams and
	// upgraded connections, which the bulkhead does not count.
	InFlight int64 `json:"in_flight"`
	Streams  int64 `json:"streams"`
	// MaxInFlight is the bulkhead's size; 0: no limit.
	MaxInFlight int `json:"max_in_flight"`
	// Failures counts the target's failures since it was made.
	Failures uint64 `json:"failures"`
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
func (t *Target) Status() Status { return Status{Name: t.name, Breaker: "closed"} }
