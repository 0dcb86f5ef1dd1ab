package session

import (
	"context"
	"errors"
)

// Events is a store that tells which of its sessions changed or ended.
type Events interface {
	// Follow connects, and tells until the connection is lost or ctx ends; the error
	// says why, and wraps [ErrSilent] when the store is not set up to tell. It calls
	// on when whatever changes from then on is told: what changed before may have been
	// missed. It calls on again when it cannot say what changed, as all may have. A
	// doubt says why that is not sure until the first event. changed gets the store's key of a session. Neither is called concurrently.
	Follow(ctx context.Context, on func(doubt error), changed func(key string)) error
}

// Watch is how a Resolver learns of changes at the store. Its zero value is a store
// that tells nothing.
type Watch struct {
	Events Events
	// Key is the key by which Events tells of a session, by its value (see
	// [Reader.Cookie]); ok is false when the value can be none's. It asks no store.
	Key func(value string) (key string, ok bool)
}

// ErrSilent is a store that was not told to tell of changes.
var ErrSilent = errors.New("the store does not tell of changed sessions")
