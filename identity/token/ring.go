package token

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// RefreshEvery is how often Ring.Run looks into the store.
const RefreshEvery = time.Minute

// attempts is how often a change is tried when other processes are faster.
const attempts = 8

// Options make a Ring.
type Options struct {
	// Issuer is the tokens' iss: an http or https URL, without query, fragment
	// or user. Keys belong to one issuer.
	Issuer string
	Policy Policy
	Store  Store
	// Cautious says that the store may have lost the issuer's keys (it was
	// damaged, and another took its place): should there be none in it, the first
	// new key is published for Lead before it signs, for verifiers know others.
	Cautious bool
}

// Ring holds an issuer's key set in memory, as it is in the store. Safe for
// concurrent use; Signing takes no lock. It has no key before the first Refresh.
type Ring struct {
	options Options
	current atomic.Pointer[view]
	changes sync.Mutex
}

// view is a set as it was read from the store.
type view struct {
	digest [sha256.Size]byte // of what is stored
	set    Set
}

// NewRing checks the options.
func NewRing(o Options) (*Ring, error) {
	if err := checkIssuer(o.Issuer); err != nil {
		return nil, err
	}
	var err error
	if o.Policy, err = o.Policy.check(); err != nil {
		return nil, err
	}
	return &Ring{options: o}, nil
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return fmt.Errorf("the issuer %q is not like https://www.example.com", issuer)
	}
	return nil
}

// Issuer is the tokens' iss.
func (r *Ring) Issuer() string { return r.options.Issuer }

// Signing is the key that signs at that time. The error is ErrNoKey.
func (r *Ring) Signing(now time.Time) (*Key, error) {
	if v := r.current.Load(); v != nil {
		if key := v.set.Signing(now); key != nil {
			return key, nil
		}
	}
	return nil, ErrNoKey
}

// Set is the key set; it is empty before the first Refresh.
func (r *Ring) Set() Set {
	if v := r.current.Load(); v != nil {
		return v.set
	}
	return Set{}
}

// Refresh reads the set from the store and brings it up to date there: makes
// the first key, publishes the next, removes those that are gone. After an error
// the ring goes on with what it has.
func (r *Ring) Refresh(ctx context.Context, now time.Time) error {
	return r.change(ctx, now, func(s Set) (Set, error) { return s, nil })
}

// Rotate lets the next key sign from now on, here at once, on other nodes when
// they refresh. The error wraps ErrNotReady, or is the store's.
func (r *Ring) Rotate(ctx context.Context, now time.Time) error {
	return r.change(ctx, now, func(s Set) (Set, error) { return s.Rotate(now) })
}

// Revoke removes a key at once, as Set.Revoke does; other nodes follow when
// they refresh. The error wraps ErrNoKey, or is the store's.
func (r *Ring) Revoke(ctx context.Context, id string, now time.Time) error {
	return r.change(ctx, now, func(s Set) (Set, error) { return s.Revoke(id, now) })
}

// Run refreshes the ring at once and then every minute until ctx ends. A
// failure is logged when it begins, and when it is over.
func (r *Ring) Run(ctx context.Context, now func() time.Time, logger *slog.Logger) {
	logger = logger.With(slog.String("issuer", r.options.Issuer))
	tick := time.NewTicker(RefreshEvery)
	defer tick.Stop()
	failing := false
	for {
		err := r.Refresh(ctx, now())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			logger.Error("the keys that sign tokens were not refreshed; those known stay in use", slog.Any("error", err))
		case err == nil && failing:
			logger.Info("the keys that sign tokens are refreshed again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// change does fn to the set in the store, and then what is due.
func (r *Ring) change(ctx context.Context, now time.Time, fn func(Set) (Set, error)) error {
	r.changes.Lock()
	defer r.changes.Unlock()
	for range attempts {
		err := r.attempt(ctx, now, fn)
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return fmt.Errorf("changing the keys of %s: %w, %d times", r.options.Issuer, ErrStale, attempts)
}

func (r *Ring) attempt(ctx context.Context, now time.Time, fn func(Set) (Set, error)) error {
	version, stored, err := r.options.Store.KeySet(ctx, r.options.Issuer)
	if err != nil {
		return err
	}
	set, err := r.read(version, stored, now)
	if err != nil {
		return fmt.Errorf("the keys of %s: %w", r.options.Issuer, err)
	}
	if set, err = fn(set); err != nil {
		return err
	}
	if set, err = r.options.Policy.next(set, now, NewKey); err != nil {
		return err
	}
	content, err := set.encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(content, stored) {
		if err := r.options.Store.SwapKeySet(ctx, r.options.Issuer, version, content); err != nil {
			return err
		}
	}
	r.publish(sha256.Sum256(content), set)
	return nil
}

// read is the set that is stored. A store that has lost it gets back the one
// that is in memory.
func (r *Ring) read(version uint64, stored []byte, now time.Time) (Set, error) {
	v := r.current.Load()
	switch {
	case version == 0 && v != nil:
		return v.set, nil
	case version == 0:
		return r.options.Policy.first(now, r.options.Cautious, NewKey)
	case v != nil && v.digest == sha256.Sum256(stored):
		return v.set, nil
	}
	return decodeSet(stored)
}

// publish makes a set that is in the store the one in use. A key that was there
// before keeps its identity, so that what was cached under it stays.
func (r *Ring) publish(digest [sha256.Size]byte, set Set) {
	old := r.current.Load()
	if old != nil && old.digest == digest {
		return
	}
	if old != nil {
		for i := range set.Keys {
			for _, known := range old.set.Keys {
				if known.ID() == set.Keys[i].ID() && known.signs() == set.Keys[i].signs() {
					set.Keys[i].Key = known.Key
				}
			}
		}
	}
	r.current.Store(&view{digest: digest, set: set})
}
