package token

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// DefaultEntries is how many tokens a Minter keeps when nothing else is said.
const DefaultEntries = 8 << 10

// Minter answers tokens, most of them from memory: a token serves all requests
// of its subject at its service until it is due for another. Safe for concurrent
// use; a hit takes no lock and allocates nothing.
type Minter struct {
	ring  *Ring
	cache cache

	minted, failed, dropped atomic.Uint64
}

// Counts are what a Minter has done since it was made.
type Counts struct {
	Minted  uint64 // tokens
	Failed  uint64 // tokens that could not be minted
	Dropped uint64 // tokens that made room for others
}

// minted is a token and the times, in Unix seconds, that decide on its use.
type minted struct {
	token   Token
	key     *Key
	issued  int64 // nbf
	refresh int64 // mint another from then on
}

// NewMinter makes a minter that keeps that many tokens or up to twice as many;
// 0: DefaultEntries.
func NewMinter(ring *Ring, entries int) *Minter {
	if entries <= 0 {
		entries = DefaultEntries
	}
	return &Minter{ring: ring, cache: newCache(entries)}
}

// Token answers a token of the subject for the service, good for MinLeft or
// longer. One in memory serves as long as the key that signed it is the one that
// signs and subject and service are the same to the byte, the session's end
// excepted; that is only looked at. Requests that come together mint one token.
//
// The error is ErrNoKey, or Mint's.
func (m *Minter) Token(s *Service, p *Prepared, now time.Time) (Token, error) {
	key, err := m.ring.Signing(now)
	if err != nil {
		return Token{}, err
	}
	e := m.cache.get(p, s)
	if e == nil {
		var dropped bool
		if e, dropped = m.cache.put(p, s); dropped {
			m.dropped.Add(1)
		}
	}
	known := e.minted.Load()
	if known.good(key, p, now) {
		if !known.due(p, now) || !e.minting.TryLock() {
			return known.token, nil
		}
	} else {
		e.minting.Lock()
	}
	defer e.minting.Unlock()
	if known = e.minted.Load(); known.good(key, p, now) && !known.due(p, now) {
		return known.token, nil // others were faster
	}
	return m.mint(e, s, p, key, now)
}

// Forget drops the tokens of a session that has ended.
func (m *Minter) Forget(session SessionID) { m.cache.forget(session) }

// Counts may be called at any time.
func (m *Minter) Counts() Counts {
	return Counts{Minted: m.minted.Load(), Failed: m.failed.Load(), Dropped: m.dropped.Load()}
}

// mint mints for the entry, whose lock is held.
func (m *Minter) mint(e *entry, s *Service, p *Prepared, key *Key, now time.Time) (Token, error) {
	t, err := s.Mint(key, p, now)
	if err != nil {
		m.failed.Add(1)
		e.minted.Store(nil)
		return Token{}, err
	}
	m.minted.Add(1)
	// Between a half and a quarter of its life before the end, so that tokens
	// that were minted together are not minted together again.
	life := t.Expires().Sub(now)
	early := life/4 + rand.N(life/4)
	e.minted.Store(&minted{token: t, key: key, issued: now.Add(-Backdate).Unix(), refresh: t.Expires().Add(-early).Unix()})
	return t, nil
}

// good says whether the token may be handed out now.
func (m *minted) good(key *Key, p *Prepared, now time.Time) bool {
	return m != nil && m.key == key &&
		now.Unix() >= m.issued && // else the clock was set back
		m.token.Expires().Sub(now) >= MinLeft &&
		(p.end.IsZero() || m.token.expires <= p.end.Unix())
}

// due says whether a new token should take its place, and would be good for
// longer.
func (m *minted) due(p *Prepared, now time.Time) bool {
	return now.Unix() >= m.refresh && (p.end.IsZero() || m.token.expires < p.end.Unix())
}
