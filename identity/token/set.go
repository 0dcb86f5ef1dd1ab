package token

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// The times of rotation. Verifiers keep a key set from 5 min (PyJWT) and 10 min
// (jose) to 1 h (keyfunc), behind HTTP caches that keep it for MaxAge.
const (
	// MaxAge is how long an HTTP cache may keep the published keys.
	MaxAge = 5 * time.Minute
	// Lead is how long a key is published before it signs: the hour, MaxAge, and
	// 10 min for nodes that learn late and clocks that differ.
	Lead = time.Hour + MaxAge + lateness
	// Keep is how long a key stays published after it signed for the last time.
	Keep = Lead + MaxLifetime
	// MinEvery is the shortest time a key may sign for.
	MinEvery = 6 * time.Hour
	// DefaultEvery is how long a key signs when nothing else is said.
	DefaultEvery = 30 * 24 * time.Hour

	lateness  = 10 * time.Minute
	maxPublic = 3 // keys in a published set
)

// Phase is where a key is in its life.
type Phase string

// The phases, in their order. A key that is revoked is gone at once.
const (
	Published Phase = "published" // verifiers learn it, nothing is signed with it
	Signing   Phase = "signing"
	Retired   Phase = "retired" // verifies what it signed
	Gone      Phase = "gone"
)

// Scheduled is a key and its times, all to the second. The clock alone moves
// it from phase to phase, so that all nodes of a fleet do it together.
type Scheduled struct {
	*Key
	Published time.Time
	Signs     time.Time
	Retires   time.Time // zero: not known yet
}

// Phase is where the key is at that time.
func (s Scheduled) Phase(now time.Time) Phase {
	switch {
	case now.Before(s.Signs):
		return Published
	case s.Retires.IsZero() || now.Before(s.Retires):
		return Signing
	case now.Before(s.Gone()):
		return Retired
	}
	return Gone
}

// Gone is when the key is published no more; zero when it is not known yet.
func (s Scheduled) Gone() time.Time {
	if s.Retires.IsZero() {
		return time.Time{}
	}
	return s.Retires.Add(Keep)
}

// ready is when the key may sign at the earliest.
func (s Scheduled) ready() time.Time { return s.Published.Add(Lead) }

// Set is the keys of one issuer in the order in which they sign. It is a value:
// no function changes the set it is given.
type Set struct {
	Keys []Scheduled
}

// Why a set was not changed; test with errors.Is.
var (
	// ErrNotReady: no other key has been published for long enough to sign.
	ErrNotReady = errors.New("the next key has not been published for long enough")
	// ErrNoKey: there is no such key, or none that signs.
	ErrNoKey = errors.New("no such key")
)

// Signing is the key that signs at that time, nil when there is none.
func (s Set) Signing(now time.Time) *Key {
	for i := range s.Keys {
		if k := &s.Keys[i]; k.signs() && k.Phase(now) == Signing {
			return k.Key
		}
	}
	return nil
}

// Public are the keys that are published at that time.
func (s Set) Public(now time.Time) []Scheduled {
	return slices.DeleteFunc(slices.Clone(s.Keys), func(k Scheduled) bool { return k.Phase(now) == Gone })
}

// index finds the first key in that phase, or answers -1.
func (s Set) index(phase Phase, now time.Time) int {
	return slices.IndexFunc(s.Keys, func(k Scheduled) bool { return k.Phase(now) == phase })
}

// Rotate lets the next key sign from now on. The error wraps ErrNotReady.
func (s Set) Rotate(now time.Time) (Set, error) {
	now = now.Truncate(time.Second)
	next := s.index(Published, now)
	if next < 0 {
		return s, fmt.Errorf("%w: there is none yet; it is made when a retired one is gone", ErrNotReady)
	}
	if at := s.Keys[next].ready(); now.Before(at) {
		return s, fmt.Errorf("%w: %s may sign from %s", ErrNotReady, s.Keys[next].ID(), at.UTC().Format(time.RFC3339))
	}
	return s.schedule(next, now, now), nil
}

// Revoke takes a key out at once: what it signed is refused as soon as a
// verifier asks again. When it is the one that signs, the next takes its place,
// now if it is ready, else as soon as it is: until then there is no token, and
// the monolith serves. The error wraps ErrNoKey.
func (s Set) Revoke(id string, now time.Time) (Set, error) {
	now = now.Truncate(time.Second)
	i := slices.IndexFunc(s.Keys, func(k Scheduled) bool { return k.ID() == id })
	if i < 0 {
		return s, fmt.Errorf("%w: %q", ErrNoKey, id)
	}
	phase := s.Keys[i].Phase(now)
	s.Keys = slices.Delete(slices.Clone(s.Keys), i, i+1)
	switch phase {
	case Signing:
		if next := s.index(Published, now); next >= 0 {
			s = s.schedule(next, later(now, s.Keys[next].ready()), now)
		}
	case Published:
		if signing := s.index(Signing, now); signing >= 0 {
			s.Keys[signing].Retires = time.Time{}
		}
	case Retired, Gone:
	}
	return s, nil
}

// schedule lets the key at next sign from at, and what signs now sign until then.
func (s Set) schedule(next int, at, now time.Time) Set {
	s.Keys = slices.Clone(s.Keys)
	signing := s.index(Signing, now)
	s.Keys[next].Signs = at
	if signing >= 0 {
		s.Keys[signing].Retires = at
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Gap is when a key signs again, where none does at that time: until then there
// are no tokens, and the monolith serves. It is zero where one signs.
func (s Set) Gap(now time.Time) time.Time {
	if s.Signing(now) != nil {
		return time.Time{}
	}
	if next := s.index(Published, now); next >= 0 {
		return s.Keys[next].Signs
	}
	return now.Truncate(time.Second).Add(Lead) // one that is made now
}

// Status is what an operator may know of a key.
type Status struct {
	ID        string    `json:"kid"`
	Algorithm Algorithm `json:"alg"`
	Phase     Phase     `json:"phase"`
	Published time.Time `json:"published"`
	Signs     time.Time `json:"signs"`
	Retires   time.Time `json:"retires,omitzero"`
	Gone      time.Time `json:"gone,omitzero"`
}

// Status is the set as an operator may see it.
func (s Set) Status(now time.Time) []Status {
	status := make([]Status, len(s.Keys))
	for i, k := range s.Keys {
		status[i] = Status{
			ID: k.ID(), Algorithm: k.Algorithm(), Phase: k.Phase(now),
			Published: k.Published, Signs: k.Signs, Retires: k.Retires, Gone: k.Gone(),
		}
	}
	return status
}
