package rollout

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Options are what a Ledger needs.
type Options struct {
	// Store outlives the process. Required. The ledger does not close it.
	Store Store
	// Now is the clock for what is recorded. Required.
	Now func() time.Time
	// Logger gets every change, and the store's failures. Default: none.
	Logger *slog.Logger
	// Wait is how long a verb waits for the store. Default 2s.
	Wait time.Duration
}

// Ledger is the one place where rollout state changes. All methods are safe
// for concurrent use.
type Ledger struct{}

var errSkeleton = errors.New("not built yet")

// Open reads the store and starts the ledger's goroutine.
func Open(ctx context.Context, o Options) (*Ledger, error) { return &Ledger{}, nil }

// Close ends the ledger.
func (l *Ledger) Close(ctx context.Context) error { return nil }

// Set makes share the service's part of a route.
func (l *Ledger) Set(ctx context.Context, route string, share routes.PPM, a Act) (Change, error) {
	return Change{}, errSkeleton
}

// Hold keeps a route on the monolith until the time given, or, when that is zero, until released.
func (l *Ledger) Hold(ctx context.Context, route string, until time.Time, a Act) (Change, error) {
	return Change{}, errSkeleton
}

// Release ends a route's hold; its share is then what it was.
func (l *Ledger) Release(ctx context.Context, route string, a Act) (Change, error) {
	return Change{}, errSkeleton
}

// Brake keeps every route on the monolith.
func (l *Ledger) Brake(ctx context.Context, a Act) (Change, error) { return Change{}, errSkeleton }

// ReleaseBrake ends the brake; every route is then as it was.
func (l *Ledger) ReleaseBrake(ctx context.Context, a Act) (Change, error) {
	return Change{}, errSkeleton
}

// Snapshot is the state now. It never blocks.
func (l *Ledger) Snapshot() *Snapshot { return &Snapshot{} }

// Subscribe calls fn at once with the current snapshot and then with every new one, in order.
func (l *Ledger) Subscribe(fn func(*Snapshot)) (cancel func()) { return func() {} }

// History reads the journal of a route ("" means all), newest first.
func (l *Ledger) History(ctx context.Context, route string, limit int) ([]Change, error) {
	return nil, errSkeleton
}

// Salts answers the salt of every cohort, making those that are missing.
func (l *Ledger) Salts(ctx context.Context, cohorts []string) (map[string]string, error) {
	return nil, errSkeleton
}
