package token

import (
	"fmt"
	"slices"
	"time"
)

// Policy is how an issuer's keys are made and changed.
type Policy struct {
	// Algorithm of new keys; empty: ES256. Another one comes into force with the
	// next key, which then signs as soon as it is ready.
	Algorithm Algorithm
	// Every is how long a key signs, at least MinEvery; 0: DefaultEvery.
	Every time.Duration
}

// check fills in the defaults.
func (p Policy) check() (Policy, error) {
	if p.Algorithm == "" {
		p.Algorithm = ES256
	}
	if p.Every == 0 {
		p.Every = DefaultEvery
	}
	if !slices.Contains(Algorithms, p.Algorithm) {
		return p, fmt.Errorf("%w %q: use one of %v", ErrAlgorithm, string(p.Algorithm), Algorithms)
	}
	if p.Every < MinEvery {
		return p, fmt.Errorf("keys that sign for %v: use %v or more, verifiers must learn the next one in between", p.Every, MinEvery)
	}
	return p, nil
}

// first is an issuer's first set. Nobody has asked for its keys yet, so the
// first signs at once, unless cautious: then verifiers may have an older set.
func (p Policy) first(now time.Time, cautious bool, fresh func(Algorithm) (*Key, error)) (Set, error) {
	now = now.Truncate(time.Second)
	key, err := fresh(p.Algorithm)
	if err != nil {
		return Set{}, err
	}
	signs := now
	if cautious {
		signs = now.Add(Lead)
	}
	return Set{Keys: []Scheduled{{Key: key, Published: now, Signs: signs}}}, nil
}

// next is the set as it should be at that time: without keys that are gone or
// private halves that are done, with a key that is going to sign after the one
// that does, at the time that the policy says. There are never more than three
// public keys: a fourth waits.
func (p Policy) next(set Set, now time.Time, fresh func(Algorithm) (*Key, error)) (Set, error) {
	now = now.Truncate(time.Second)
	set.Keys = set.Public(now)
	for i := range set.Keys {
		k := &set.Keys[i]
		// A node whose clock is late still signs with it.
		if k.Phase(now) == Retired && !now.Before(k.Retires.Add(lateness)) && k.signs() {
			k.Key = k.withoutPrivate()
		}
	}
	next := set.index(Published, now)
	if next >= 0 && set.Keys[next].Algorithm() != p.Algorithm {
		set.Keys = slices.Delete(set.Keys, next, next+1)
		next = -1
	}
	if next < 0 {
		if len(set.Keys) >= maxPublic {
			return set, nil
		}
		key, err := fresh(p.Algorithm)
		if err != nil {
			return Set{}, err
		}
		next = len(set.Keys)
		set.Keys = append(set.Keys, Scheduled{Key: key, Published: now, Signs: now.Add(Lead)})
	}
	return set.schedule(next, p.due(set, next, now), now), nil
}

// due is when the next key is to sign: when the one that signs has signed for
// long enough, or, when there is none or its algorithm is not the policy's, as
// soon as the next is ready.
func (p Policy) due(set Set, next int, now time.Time) time.Time {
	due := set.Keys[next].ready()
	signing := set.index(Signing, now)
	if signing < 0 || set.Keys[signing].Algorithm() != p.Algorithm {
		return later(due, now)
	}
	return later(later(due, now), set.Keys[signing].Signs.Add(p.Every))
}
