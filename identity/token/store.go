package token

import (
	"context"
	"errors"
)

// Store keeps the key sets, which must outlive the process: with other keys
// every token out there is refused. A fleet shares one store.
//
// What is stored holds private keys: it must be readable by its owner alone.
type Store interface {
	// KeySet answers what SwapKeySet stored for the issuer and its version, from
	// 1; version 0 and nothing when it never did.
	KeySet(ctx context.Context, issuer string) (version uint64, keys []byte, err error)
	// SwapKeySet stores the issuer's key set, durably, as version+1, if what is
	// stored has still that version; else the error wraps ErrStale.
	SwapKeySet(ctx context.Context, issuer string, version uint64, keys []byte) error
}

// ErrStale is a Store's answer when another was faster.
var ErrStale = errors.New("another process has changed the key set")
