// Package store holds what the stores have in common: the errors that tell an
// operator why a store cannot be used. The stores themselves are its
// subpackages; the interfaces they implement are declared by the packages that
// use them (rollout.Store).
package store

import "errors"

// Why a store cannot be opened; test with errors.Is. None of them changes what
// is on disk.
var (
	// ErrCorrupt: what is stored is damaged.
	ErrCorrupt = errors.New("the store is damaged")
	// ErrNewer: a newer Strangler wrote the store, in a format this one does
	// not know.
	ErrNewer = errors.New("the store was written by a newer version")
	// ErrForeign: the file belongs to another program.
	ErrForeign = errors.New("not a Strangler store")
	// ErrInUse: another process has the store open.
	ErrInUse = errors.New("the store is in use by another process")
)
