package identity

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

const (
	ways  = 8  // entries that share a set
	locks = 64 // of writers; readers take none
)

// digest stands for a session's value: a hash with a key that this process made
// up, so that nobody can choose a place and no memory dump has a cookie in it.
type digest [32]byte

// entry is what is known of one session. It is 64 bytes, one line of a processor's
// cache, and most of the time that line is in memory only.
type entry struct {
	key    digest
	known  atomic.Pointer[Person]
	flight atomic.Pointer[flight] // the lookup under way, if any

	changes *atomic.Uint32 // of the session, as its store tells them; nil: it does not
	epoch   uint32         // what changes was when the entry was made
	used    atomic.Bool    // since the clock's hand last came by
}

// over says that the session changed since.
func (e *entry) over() bool { return e.changes != nil && e.changes.Load() != e.epoch }

// set is the only place where some entries can be.
type set struct {
	ways [ways]atomic.Pointer[entry]
	hand uint8 // guarded by the set's lock
}

// people holds a fixed number of entries, in sets of eight. Reading is
// lock-free; who needs room takes that of an entry that was not read since the
// clock's hand last came by (CLOCK, F. J. Corbató, 1968), within the set.
type people struct {
	sets    []set
	writers [locks]sync.Mutex
	count   atomic.Int64
	dropped atomic.Uint64
}

// newPeople makes room for at least that many entries, rounded up to eight times
// a power of two.
func newPeople(entries int) people {
	sets := 1
	for sets*ways < entries {
		sets *= 2
	}
	return people{sets: make([]set, sets)}
}

func (c *people) limit() int { return len(c.sets) * ways }

func (c *people) place(key *digest) uint64 {
	return binary.LittleEndian.Uint64(key[:]) & uint64(len(c.sets)-1)
}

// get finds the entry, or answers nil.
func (c *people) get(key *digest) *entry {
	places := &c.sets[c.place(key)].ways
	for i := range places {
		e := places[i].Load()
		if e != nil && e.key == *key {
			if !e.used.Load() { // a line that all read should not be written by all
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

// put finds the entry of the same session, or puts this empty one there, in the
// place of another when the set is full.
func (c *people) put(fresh *entry) *entry {
	place := c.place(&fresh.key)
	lock := &c.writers[place%locks]
	lock.Lock()
	defer lock.Unlock()
	if e := c.get(&fresh.key); e != nil {
		return e
	}
	if c.sets[place].room().Swap(fresh) == nil {
		c.count.Add(1)
	} else {
		c.dropped.Add(1)
	}
	return fresh
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

// forget drops an entry, and says whether there was one. A lookup that is under way
// for it ends in the entry that is no longer there: who comes later asks anew.
func (c *people) forget(key *digest) (there bool) {
	c.drop(c.place(key), func(e *entry) bool {
		there = there || e.key == *key
		return e.key == *key
	})
	return there
}

// remove drops this very entry, and says whether it was still there.
func (c *people) remove(e *entry) (removed bool) {
	c.drop(c.place(&e.key), func(other *entry) bool {
		removed = removed || other == e
		return other == e
	})
	return removed
}

// drop drops the entries of a set that match.
func (c *people) drop(place uint64, match func(*entry) bool) {
	lock := &c.writers[place%locks]
	lock.Lock()
	defer lock.Unlock()
	for i := range c.sets[place].ways {
		way := &c.sets[place].ways[i]
		if e := way.Load(); e != nil && match(e) {
			way.Store(nil)
			c.count.Add(-1)
		}
	}
}

// dropAll drops the entries that match, in all sets.
func (c *people) dropAll(match func(*entry) bool) {
	for place := range c.sets {
		c.drop(uint64(place), match) //#nosec G115 -- an index
	}
}
