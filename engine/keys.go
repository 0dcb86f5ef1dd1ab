package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/rollout"
)

// Keys are the keys that sign an issuer's tokens, as an operator may see them.
type Keys struct {
	Issuer string `json:"issuer"`
	// Version counts what operators did to the keys, for Act.IfVersion.
	Version uint64         `json:"version"`
	Keys    []token.Status `json:"keys"`
	// NoTokensUntil is set when no key signs now: until then routes that need a
	// token are the monolith's.
	NoTokensUntil time.Time `json:"no_tokens_until,omitzero"`
}

// KeyChange is what was done to the keys, and what they are after it.
type KeyChange struct {
	rollout.Change
	Keys
}

// Keys are the issuer's keys now. It is refused with ErrNoIdentity.
func (e *Engine) Keys() (Keys, error) {
	if e.identity == nil {
		return Keys{}, ErrNoIdentity
	}
	return e.keysOf(e.identity.Ring.Set()), nil
}

func (e *Engine) keysOf(set token.Set) Keys {
	now := e.now()
	return Keys{
		Issuer: e.identity.Ring.Issuer(), Version: e.ledger.Snapshot().Routes[rollout.AllKeys].Version,
		Keys: set.Status(now), NoTokensUntil: set.Gap(now),
	}
}

// RotateKey lets the next key sign from now on. It is refused with ErrNoIdentity,
// token.ErrNotReady, which says from when on it can be done, a *rollout.Conflict,
// or by the store.
func (e *Engine) RotateKey(ctx context.Context, a rollout.Act) (KeyChange, error) {
	return e.changeKeys(ctx, rollout.VerbKeyRotate, a, keyEdit{
		try: func(set token.Set, now time.Time) (token.Set, string, error) {
			next, err := set.Rotate(now)
			if err != nil {
				return next, "", err
			}
			return next, next.Signing(now).ID(), nil
		},
		do: func(now time.Time, _ string) error { return e.identity.Ring.Rotate(ctx, now) },
	})
}

// RevokeKey removes a key at once: verifiers refuse what it signed as soon as they
// ask again. When that leaves no key that signs it is refused with ErrNoTokens,
// unless gap says that it may; else as RotateKey, or with token.ErrNoKey.
func (e *Engine) RevokeKey(ctx context.Context, id string, gap bool, a rollout.Act) (KeyChange, error) {
	return e.changeKeys(ctx, rollout.VerbKeyRevoke, a, keyEdit{
		try: func(set token.Set, now time.Time) (token.Set, string, error) {
			next, err := set.Revoke(id, now)
			if until := next.Gap(now); err == nil && !gap && !until.IsZero() {
				err = fmt.Errorf("%w: without %s there are no tokens until %s, for verifiers do not know the next key yet, and the monolith serves routes that need one; "+
					"a key that leaked is revoked all the same with --no-tokens (in the API no_tokens)", ErrNoTokens, id, until.UTC().Format(time.RFC3339))
			}
			return next, id, err
		},
		do: func(now time.Time, id string) error { return e.identity.Ring.Revoke(ctx, id, now) },
	})
}

// keyEdit is a change of the keys: what it would make of a set, and of which key
// it is; and the change itself.
type keyEdit struct {
	try func(token.Set, time.Time) (after token.Set, id string, err error)
	do  func(now time.Time, id string) error
}

// changeKeys makes a change of the keys and records it.
func (e *Engine) changeKeys(ctx context.Context, verb rollout.Verb, a rollout.Act, edit keyEdit) (KeyChange, error) {
	if e.identity == nil {
		return KeyChange{}, ErrNoIdentity
	}
	e.identity.changing.Lock()
	defer e.identity.changing.Unlock()
	rehearsal := a
	rehearsal.DryRun = true
	// Who, why and the version are checked before anything is done.
	change, err := e.ledger.Keys(ctx, verb, "", rehearsal)
	if err != nil {
		return KeyChange{}, err
	}
	now := e.now()
	after, id, err := edit.try(e.identity.Ring.Set(), now)
	if err != nil {
		return KeyChange{}, err
	}
	if a.DryRun {
		change.After.Key = id
		return KeyChange{Change: change, Keys: e.keysOf(after)}, nil
	}
	if err := edit.do(now, id); err != nil {
		return KeyChange{}, err
	}
	a.IfVersion = 0 // it was held; the keys are changed
	change, err = e.ledger.Keys(ctx, verb, id, a)
	if err != nil {
		err = fmt.Errorf("the keys are changed, but the journal does not say so: %w", err)
	}
	return KeyChange{Change: change, Keys: e.keysOf(e.identity.Ring.Set())}, err
}
