package token

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

const (
	ways  = 8  // entries that share a set
	locks = 64 // of writers; readers take none
)

// entry is the place of one subject's token for one service.
type entry struct {
	subject, service [32]byte // digests
	session          SessionID
	used             atomic.Bool // since the clock's hand last came by
	minted           atomic.Pointer[minted]
	minting          sync.Mutex
}

// set is the only place where some entries can be.
type set struct {
	ways [ways]atomic.Pointer[entry]
	hand uint8 // guarded by the set's lock
}

// cache holds a fixed number of entries, in sets of eight. Reading is lock-free;
// who needs room takes that of an entry that was not read since the clock's
// hand last came by (CLOCK, F. J. Corbató, 1968), within the set.
type cache struct {
	sets    []set
	writers [locks]sync.Mutex
}

// newCache makes a cache of at least that many entries, rounded up to eight
// times a power of two.
func newCache(entries int) cache {
	sets := 1
	for sets*ways < entries {
		sets *= 2
	}
	return cache{sets: make([]set, sets)}
}

// neighbours are the sets in which all tokens of a session are, so that it is
// forgotten without a look at every other. A power of two.
const neighbours = 8

// place is where the entry is, if anywhere: one of the session's neighbours. The session's ID is an HMAC whose secret no client knows: nobody can
// choose a place.
func (c *cache) place(p *Prepared, s *Service) uint64 {
	return (binary.LittleEndian.Uint64(p.session[:]) ^ uint64(p.digest[0]^s.digest[0])%neighbours) & uint64(len(c.sets)-1)
}

// get finds the entry, or answers nil.
func (c *cache) get(p *Prepared, s *Service) *entry {
	places := &c.sets[c.place(p, s)].ways
	for i := range places {
		e := places[i].Load()
		if e != nil && e.subject == p.digest && e.service == s.digest {
			if !e.used.Load() { // a line that all read should not be written by all
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

// put finds the entry or makes an empty one, in the place of another when the
// set is full; then dropped is true.
func (c *cache) put(p *Prepared, s *Service) (e *entry, dropped bool) {
	place := c.place(p, s)
	lock := &c.writers[place%locks]
	lock.Lock()
	defer lock.Unlock()
	if e := c.get(p, s); e != nil {
		return e, false
	}
	e = &entry{subject: p.digest, service: s.digest, session: p.session}
	return e, c.sets[place].room().Swap(e) != nil
}

// room is an empty way, or one to be taken from its entry.
func (s *set) room() *atomic.Pointer[entry] {
	for i := range s.ways {
		if s.ways[i].Load() == nil {
			return &s.ways[i]
		}
	}
	for range ways { // after one round all marks are gone
		if !s.ways[s.hand].Load().used.Swap(false) {
			break
		}
		s.hand = (s.hand + 1) % ways
	}
	room := &s.ways[s.hand]
	s.hand = (s.hand + 1) % ways
	return room
}

// forget drops the entries of a session.
func (c *cache) forget(session SessionID) {
	for n := range uint64(min(neighbours, len(c.sets))) {
		c.forgetIn((binary.LittleEndian.Uint64(session[:])^n)&uint64(len(c.sets)-1), session)
	}
}

func (c *cache) forgetIn(place uint64, session SessionID) {
	lock := &c.writers[place%locks]
	lock.Lock()
	defer lock.Unlock()
	places := &c.sets[place].ways
	for i := range places {
		if e := places[i].Load(); e != nil && e.session == session {
			places[i].Store(nil)
		}
	}
}
