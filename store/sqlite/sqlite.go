// Package sqlite is the store in one file.
package sqlite

import (
	"context"
	"errors"

	_ "modernc.org/sqlite" // the driver

	"github.com/strangler-proxy/strangler/rollout"
)

// Store is a rollout.Store in one SQLite file. Safe for concurrent use.
type Store struct{}

var errSkeleton = errors.New("not built yet")

// Open opens the file, or makes it.
func Open(path string) (*Store, error) { return &Store{}, nil }

// Close closes the file.
func (s *Store) Close() error { return nil }

// Load implements rollout.Store.
func (s *Store) Load(ctx context.Context) (rollout.Saved, error) {
	return rollout.Saved{}, errSkeleton
}

// Apply implements rollout.Store.
func (s *Store) Apply(ctx context.Context, c rollout.Change) (rollout.Change, error) {
	return rollout.Change{}, errSkeleton
}

// History implements rollout.Store.
func (s *Store) History(ctx context.Context, q rollout.Query) ([]rollout.Change, error) {
	return nil, errSkeleton
}

// Salts implements rollout.Store.
func (s *Store) Salts(ctx context.Context, cohorts []string, fresh func() string) (map[string]string, error) {
	return nil, errSkeleton
}

// Secret answers the secret of that name; one that has none yet gets fresh(), stored before Secret returns.
func (s *Store) Secret(ctx context.Context, name string, fresh func() []byte) ([]byte, error) {
	return nil, errSkeleton
}
