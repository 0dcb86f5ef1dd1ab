package token

import (
	"iter"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Minter answers tokens, most of them from memory: a token serves all requests
// of its subject at its service until it is due for another. It is kept with its
// subject, and gone with it. Safe for concurrent use; a hit takes no lock and
// allocates nothing.
type Minter struct {
	ring *Ring

	minted, failed atomic.Uint64
}

// Counts are what a Minter has done since it was made.
type Counts struct {
	Minted uint64 // tokens
	Failed uint64 // tokens that could not be minted
}

// maxTokens is how many tokens of one subject are kept.
const maxTokens = 64

// minted is a token and what decides on its use, times in Unix seconds. It never
// changes. It is 64 bytes, one line of a processor's cache.
type minted struct {
	service *Service
	key     *Key
	issued  int64 // nbf
	refresh int64 // mint another from then on
	token   Token
	next    *minted // of the same subject, for another service
}

// NewMinter makes a minter that signs with the ring's key.
func NewMinter(ring *Ring) *Minter { return &Minter{ring: ring} }

// Token answers a token of the subject for the service, good for MinLeft or
// longer. One in memory serves as long as the key that signed it is the one that
// signs and subject and service are the same to the byte, the session's end
// excepted; that is only looked at. Requests that come together mint one token.
//
// The error is ErrNoKey, or Mint's.
func (m *Minter) Token(s *Service, p *Prepared, now time.Time) (Token, error) {
	key, err := m.ring.Signing(now)
	if err != nil {
		m.failed.Add(1)
		return Token{}, err
	}
	known := p.token(s)
	if known.good(key, p, now) {
		if !known.due(p, now) || !p.minting.TryLock() {
			return known.token, nil
		}
	} else {
		p.minting.Lock()
	}
	defer p.minting.Unlock()
	if known = p.token(s); known.good(key, p, now) && !known.due(p, now) {
		return known.token, nil // others were faster
	}
	return m.mint(s, p, key, now)
}

// Counts may be called at any time.
func (m *Minter) Counts() Counts {
	return Counts{Minted: m.minted.Load(), Failed: m.failed.Load()}
}

// mint mints for the subject, whose lock is held.
func (m *Minter) mint(s *Service, p *Prepared, key *Key, now time.Time) (Token, error) {
	t, err := s.Mint(key, p, now)
	if err != nil {
		m.failed.Add(1)
		p.keep(s, nil, now)
		return Token{}, err
	}
	m.minted.Add(1)
	// Between a half and a quarter of its life before the end, so that tokens
	// that were minted together are not minted together again.
	life := t.Expires().Sub(now)
	early := life/4 + rand.N(life/4)
	p.keep(s, &minted{
		service: s, key: key, token: t, issued: now.Add(-Backdate).Unix(), refresh: t.Expires().Add(-early).Unix(),
	}, now)
	return t, nil
}

// all are the subject's tokens.
func (p *Prepared) all() iter.Seq[*minted] {
	return func(yield func(*minted) bool) {
		for m := p.tokens.Load(); m != nil && yield(m); m = m.next {
		}
	}
}

// token is the one for a service, nil when there is none.
func (p *Prepared) token(s *Service) *minted {
	for m := p.tokens.Load(); m != nil; m = m.next {
		if m.service.same(s) {
			return m
		}
	}
	return nil
}

// keep puts a token, or none, in the place of the service's. Those that have ended
// go. Its lock is held.
func (p *Prepared) keep(s *Service, fresh *minted, now time.Time) {
	var kept []*minted
	if fresh != nil {
		kept = append(kept, fresh)
	}
	for m := range p.all() {
		if len(kept) < maxTokens && !m.service.same(s) && m.token.Expires().After(now) {
			kept = append(kept, m)
		}
	}
	p.chain(kept)
}

// chain puts copies of the tokens in the place of all: readers may be on those that
// were there. Its lock is held, or nobody else has it yet.
func (p *Prepared) chain(all []*minted) {
	var head *minted
	for i, m := range slices.Backward(all) {
		link := new(minted)
		if i == 0 && !p.taken {
			link, p.taken = &p.first, true
		}
		*link = *m
		link.next = head
		head = link
	}
	p.tokens.Store(head)
}

// good says whether the token may be handed out now.
func (m *minted) good(key *Key, p *Prepared, now time.Time) bool {
	return m != nil && m.key == key &&
		now.Unix() >= m.issued && // else the clock was set back
		m.token.Expires().Sub(now) >= MinLeft &&
		(p.end == 0 || m.token.expires <= p.end)
}

// due says whether a new token should take its place, and would be good for
// longer.
func (m *minted) due(p *Prepared, now time.Time) bool {
	return now.Unix() >= m.refresh && (p.end == 0 || m.token.expires < p.end)
}
