package flags

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	ways  = 8  // entries that share a set
	locks = 64 // of writers; readers take none
)

// entry is what is known of one question.
type entry struct {
	query Query // never changes
	hash  uint64
	used  atomic.Bool // since the clock's hand last came by

	known  atomic.Pointer[known]  // nil until the first evaluation has ended
	flight atomic.Pointer[flight] // the evaluation under way, if any
}

// set is the only place where the entries of some hashes can be.
type set struct {
	ways [ways]atomic.Pointer[entry]
	hand uint8 // guarded by the set's lock
}

// cache holds a fixed number of entries, in sets of eight. Reading is lock-free;
// who needs room in a set takes that of an entry that was not read since the
// clock's hand last came by (CLOCK, F. J. Corbató, 1968), within the set.
type cache struct {
	seed      maphash.Seed
	sets      []set
	writers   [locks]sync.Mutex
	entries   atomic.Int64
	evictions atomic.Uint64
}

// newCache makes a cache of at least that many entries, rounded up to eight
// times a power of two.
func newCache(entries int) *cache {
	sets := 1
	for sets*ways < entries {
		sets *= 2
	}
	return &cache{seed: maphash.MakeSeed(), sets: make([]set, sets)}
}

func (c *cache) capacity() int { return len(c.sets) * ways }

// get finds a question's entry, or nil.
func (c *cache) get(q *Query, hash uint64) *entry {
	s := &c.sets[hash&uint64(len(c.sets)-1)]
	for i := range s.ways {
		e := s.ways[i].Load()
		if e != nil && e.hash == hash && e.query.equal(q) {
			if !e.used.Load() { // a line that all read should not be written by all
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

// put finds a question's entry or makes an empty one, in the place of another
// when the set is full.
func (c *cache) put(q *Query, hash uint64) *entry {
	place := hash & uint64(len(c.sets)-1)
	lock := &c.writers[place%locks]
	lock.Lock()
	defer lock.Unlock()
	if e := c.get(q, hash); e != nil {
		return e
	}
	e := &entry{query: q.clone(), hash: hash}
	slot := c.room(&c.sets[place])
	slot.Store(e)
	return e
}

// room is an empty way of a set, or one that was taken from its entry.
func (c *cache) room(s *set) *atomic.Pointer[entry] {
	for i := range s.ways {
		if s.ways[i].Load() == nil {
			c.entries.Add(1)
			return &s.ways[i]
		}
	}
	for range ways { // after one round all marks are gone
		e := s.ways[s.hand].Load()
		if !e.used.Swap(false) {
			break
		}
		s.hand = (s.hand + 1) % ways
	}
	slot := &s.ways[s.hand]
	s.hand = (s.hand + 1) % ways
	c.evictions.Add(1)
	return slot
}
