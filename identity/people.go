package identity

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

const (
	ways = 8  // entries that share a set
	few  = 64 // sets, to begin with
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

// set is the only place where some entries can be. It is one line of a cache too.
type set [ways]atomic.Pointer[entry]

// room is an empty way; nil when there is none.
func (s *set) room() *atomic.Pointer[entry] {
	for i := range s {
		if s[i].Load() == nil {
			return &s[i]
		}
	}
	return nil
}

// taken is the way of an entry that was not read since the clock's hand last came by
// (CLOCK, F. J. Corbató, 1968).
func (s *set) taken(hand *uint8) *atomic.Pointer[entry] {
	for range ways { // after one round all marks are gone
		if !s[*hand].Load().used.Swap(false) {
			break
		}
		*hand = (*hand + 1) % ways
	}
	way := &s[*hand]
	*hand = (*hand + 1) % ways
	return way
}

// sets are a power of two. An entry's place among them is the last bits of its key, so
// with twice as many it stays, or moves to where there was none.
type sets []set

func (s sets) place(key *digest) uint64 {
	return binary.LittleEndian.Uint64(key[:]) & uint64(len(s)-1)
}

// get finds the entry, or answers nil.
func (s sets) get(key *digest) *entry {
	places := &s[s.place(key)]
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

// people holds entries in sets of eight, of which there are as many as it takes, up to
// a limit: when a set is full their number doubles, and at the limit who needs room
// takes another's in the set. Reading is lock-free.
type people struct {
	sets    atomic.Pointer[sets] // changed with all writers' locks held
	hands   []uint8              // of the sets, when there are as many as there can be
	writers []sync.Mutex         // as many as there were sets at first; readers take none
	count   atomic.Int64
	dropped atomic.Uint64
}

// newPeople has a limit of at least that many entries, rounded up to eight times a
// power of two.
func newPeople(entries int) *people {
	most := 1
	for most*ways < entries {
		most *= 2
	}
	first := make(sets, min(most, few))
	c := &people{hands: make([]uint8, most), writers: make([]sync.Mutex, len(first))}
	c.sets.Store(&first)
	return c
}

func (c *people) limit() int { return len(c.hands) * ways }

func (c *people) get(key *digest) *entry { return c.sets.Load().get(key) }

// put finds the entry of the same session, or puts this empty one there.
func (c *people) put(fresh *entry) *entry {
	lock := c.lock(&fresh.key)
	for {
		lock.Lock()
		all := c.sets.Load()
		e, full := c.enter(*all, fresh)
		lock.Unlock()
		if !full {
			return e
		}
		c.grow(all)
	}
}

// lock is the one of the key's place, however many sets there are.
func (c *people) lock(key *digest) *sync.Mutex {
	return &c.writers[int(key[0])%len(c.writers)]
}

// enter is put's, under the place's lock. full says that there is no room, and that
// there could be more sets.
func (c *people) enter(all sets, fresh *entry) (e *entry, full bool) {
	if e = all.get(&fresh.key); e != nil {
		return e, false
	}
	place := all.place(&fresh.key)
	way := all[place].room()
	switch {
	case way != nil:
		c.count.Add(1)
	case len(all) < len(c.hands):
		return nil, true
	default:
		way = all[place].taken(&c.hands[place])
		c.dropped.Add(1)
	}
	way.Store(fresh)
	return fresh, false
}

// grow doubles the sets, unless somebody has done it. Readers go on in those that were
// there, which have what had been put until then.
func (c *people) grow(seen *sets) {
	for i := range c.writers {
		c.writers[i].Lock()
		defer c.writers[i].Unlock()
	}
	if c.sets.Load() != seen {
		return
	}
	more := make(sets, 2*len(*seen))
	for place := range *seen {
		for way := range (*seen)[place] {
			if e := (*seen)[place][way].Load(); e != nil {
				more[more.place(&e.key)].room().Store(e)
			}
		}
	}
	c.sets.Store(&more)
}

// forget drops an entry, and says whether there was one. A lookup that is under way
// for it ends in the entry that is no longer there: who comes later asks anew.
func (c *people) forget(key *digest) (there bool) {
	c.dropAt(key, func(e *entry) bool {
		there = there || e.key == *key
		return e.key == *key
	})
	return there
}

// remove drops this very entry, and says whether it was still there.
func (c *people) remove(e *entry) (removed bool) {
	c.dropAt(&e.key, func(other *entry) bool {
		removed = removed || other == e
		return other == e
	})
	return removed
}

// dropAt drops the entries in the key's set that match.
func (c *people) dropAt(key *digest, match func(*entry) bool) {
	lock := c.lock(key)
	lock.Lock()
	defer lock.Unlock()
	all := *c.sets.Load()
	c.drop(&all[all.place(key)], match)
}

// dropAll drops the entries that match, in all sets.
func (c *people) dropAll(match func(*entry) bool) {
	for i := range c.writers {
		c.dropEvery(i, match)
	}
}

// dropEvery drops the entries that match in the places of one lock.
func (c *people) dropEvery(lock int, match func(*entry) bool) {
	c.writers[lock].Lock()
	defer c.writers[lock].Unlock()
	all := *c.sets.Load()
	for place := lock; place < len(all); place += len(c.writers) {
		c.drop(&all[place], match)
	}
}

func (c *people) drop(s *set, match func(*entry) bool) {
	for i := range s {
		if e := s[i].Load(); e != nil && match(e) {
			s[i].Store(nil)
			c.count.Add(-1)
		}
	}
}
