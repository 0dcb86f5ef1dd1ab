package flags

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	ways  = 8  // questions that share a set
	locks = 64 // of writers; readers take none
)

// known is the outcome of an evaluation. Times are since the evaluator's start.
type known struct {
	version uint64        // of the sources when it began
	reach   int           // how many sources were asked
	at      time.Duration // when it began
	answer  *said         // nil: nothing is known
	// good is the last answer that was no doubt, with its time: this one's, or
	// one before a failure.
	good   *said
	goodAt time.Duration
}

// A slot's word holds, 16 bits each and the highest first: its turn, which is odd
// while it is written and another one after; how many sources were asked; the
// numbers of the last good answer and of the answer in the book, 0 for none.
const (
	turnShift, reachShift, goodShift = 48, 32, 16
	field                            = 1<<16 - 1
	writing                          = 1 << turnShift
)

// used is the bit of a slot's version that says: read since the clock's hand last
// came by.
const used = 1 << 63

// slot is what is known of one question.
type slot struct {
	word       atomic.Uint64
	version    atomic.Uint64
	at, goodAt atomic.Int64
}

// set is the only place where the questions of some hashes can be: a line of the
// processor's cache to find one, half of another to read it.
type set struct {
	questions [ways]atomic.Uint64 // their hashes; 0: the place is free
	slots     [ways]slot
}

// cache holds what is known of a fixed number of questions, in sets of eight.
// It consists of numbers: a question is its keyed hash, an answer its number in
// the book. So the garbage collector finds nothing to follow, no key of a user
// is kept, and it does not grow. Of 2⁴⁸ new questions, one is taken for another of
// the 65,536 in a full cache.
//
// Reading is lock-free; who needs room in a set takes that of a question that was
// not read since the clock's hand last came by (CLOCK, F. J. Corbató, 1968), within
// the set.
type cache struct {
	seed      maphash.Seed
	book      book
	sets      []set
	hands     []uint8 // by set, guarded by its lock
	writers   [locks]sync.Mutex
	entries   atomic.Int64
	evictions atomic.Uint64
}

// newCache makes a cache of at least that many questions, rounded up to eight
// times a power of two.
func newCache(entries int) *cache {
	sets := 1
	for sets*ways < entries {
		sets *= 2
	}
	c := &cache{seed: maphash.MakeSeed(), sets: make([]set, sets), hands: make([]uint8, sets)}
	c.book.numbers = map[Answer]*said{}
	return c
}

func (c *cache) capacity() int { return len(c.sets) * ways }

// get finds what is known of a question. The answer is nil when nothing is.
func (c *cache) get(hash uint64) known {
	s := &c.sets[hash&uint64(len(c.sets)-1)]
	for i := range s.questions {
		if s.questions[i].Load() != hash {
			continue
		}
		if k, whole := c.read(s, i, hash); whole {
			return k
		}
		lock := c.lock(hash)
		defer lock.Unlock()
		if i = s.find(hash); i < ways {
			k, _ := c.read(s, i, hash)
			return k
		}
		break
	}
	return known{}
}

// read is not whole when the place is written meanwhile.
func (c *cache) read(s *set, i int, hash uint64) (_ known, whole bool) {
	from := &s.slots[i]
	word, version := from.word.Load(), from.version.Load()
	k := known{
		version: version &^ used, reach: int(word >> reachShift & field),
		at: time.Duration(from.at.Load()), goodAt: time.Duration(from.goodAt.Load()),
	}
	if word&writing != 0 || from.word.Load() != word || s.questions[i].Load() != hash {
		return known{}, false
	}
	if version&used == 0 { // a line that all read should not be written by all
		from.version.Or(used)
	}
	k.answer, k.good = c.book.at(word&field), c.book.at(word>>goodShift&field)
	return k, true
}

func (c *cache) lock(hash uint64) *sync.Mutex {
	lock := &c.writers[hash&uint64(len(c.sets)-1)%locks]
	lock.Lock()
	return lock
}

// find is a question's way, or ways when it has none.
func (s *set) find(hash uint64) int {
	for i := range s.questions {
		if s.questions[i].Load() == hash {
			return i
		}
	}
	return ways
}

// put notes what is known of a question, in the place of another when the set is
// full. An answer for which the book had no room is not kept.
func (c *cache) put(hash uint64, k *known) {
	if k.answer.number == 0 {
		return
	}
	lock := c.lock(hash)
	defer lock.Unlock()
	place := hash & uint64(len(c.sets)-1)
	s := &c.sets[place]
	i, mark := s.find(hash), uint64(used)
	if i == ways {
		i, mark = c.room(place), 0
	}
	to := &s.slots[i]
	turn := to.word.Load()>>turnShift + 1
	to.word.Store(turn << turnShift)
	to.version.Store(k.version | mark)
	to.at.Store(int64(k.at))
	to.goodAt.Store(int64(k.goodAt))
	s.questions[i].Store(hash)
	word := (turn+1)<<turnShift | uint64(k.reach)&field<<reachShift | k.answer.number
	if k.good != nil {
		word |= k.good.number << goodShift
	}
	to.word.Store(word)
}

// room is a free way of a set, or one that was taken from its question.
func (c *cache) room(place uint64) int {
	s, hand := &c.sets[place], &c.hands[place]
	if i := s.find(0); i < ways {
		c.entries.Add(1)
		return i
	}
	for range ways { // after one round all marks are gone
		if s.slots[*hand].version.And(^uint64(used))&used == 0 {
			break
		}
		*hand = (*hand + 1) % ways
	}
	i := *hand
	*hand = (*hand + 1) % ways
	c.evictions.Add(1)
	return int(i)
}
