package recent

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// The number of requests that are remembered: by default, which takes 12.8 MB,
// and at most, 256 MB.
const (
	Default = 50_000
	Max     = 1_000_000
)

// Facts are what was decided about a request, and what another decision about
// it needs. Names are hashed by Hash.
type Facts struct {
	// Route is the matched route; 0 when none did.
	Route uint64
	// Sticky is what the route was sticky by, by HashSticky; 0 when nobody
	// looked for a key. Salt is the one that Bucket is of.
	Sticky, Salt uint64
	// Bucket is the key's place; NoBucket when it is not known.
	Bucket routes.PPM
	Arm    routes.Arm
	// Key says whether there was a key.
	Key Key
	// Flag is what the route's flag said, when it was asked.
	Flag  routes.FlagValue
	Asked bool
	// Kept says what else made the decision one for the monolith.
	Kept Kept
}

// Key says what is known of a request's sticky key.
type Key uint8

// What is known of a sticky key.
const (
	KeyNotAsked   Key = iota // the route needs none
	KeyBucket                // there was one; its bucket is known
	KeyMissing               // there was none
	KeyNewVisitor            // a split would give a new one, by chance
)

// Kept says why a request stayed on the monolith whatever its bucket.
type Kept uint8

// Why a request stayed on the monolith.
const (
	KeptNot           Kept = iota
	KeptAmbiguousPath      // servers may read its path differently: in every table
	KeptPinned             // it had met a failure of the route's service
	KeptNoTarget           // its site serves nothing for the route's service
	KeptIdentity           // the route's service does not get who it is from
)

// Ring remembers the last requests. Its methods may be called concurrently.
type Ring struct {
	next  atomic.Uint64
	_     [56]byte // what others read is not on the line of next
	slots []slot
}

// New makes a ring for the last n requests, 1 to Max.
func New(n int) *Ring { return &Ring{slots: make([]slot, n)} }

// Len is how many requests it remembers at most.
func (r *Ring) Len() int { return len(r.slots) }

// Add remembers a request. Of asked nothing is kept that l does not name. It
// does not wait and does not allocate, but for a parameter that was sent
// encoded.
func (r *Ring) Add(l *Layout, asked *routes.Request, f *Facts, at time.Time) {
	seq := r.next.Add(1)
	s := &r.slots[seq%uint64(len(r.slots))]
	if !s.busy.CompareAndSwap(false, true) {
		return
	}
	if s.seq < seq { // who overtook a whole round stays
		s.seq, s.at, s.layout, s.facts = seq, at.UnixNano(), l.id, *f
		s.fill(l, asked)
	}
	s.busy.Store(false)
}

// Record is a request that was remembered.
type Record struct {
	At                 time.Time
	Method, Host, Path string
	// Cut says that one of them is longer than what is kept of it; no values are
	// known then.
	Cut bool
	Facts
	layout *Layout
	values []byte
}

// Last gives the records that are remembered, the newest first, until yield
// says false. A request that is added meanwhile may be missing.
func (r *Ring) Last(known *Layouts, yield func(*Record) bool) {
	layouts := known.byID()
	size := uint64(len(r.slots))
	last := r.next.Load()
	for seq := last; seq > 0 && last-seq < size; seq-- {
		if record := r.slots[seq%size].read(seq, layouts); record != nil && !yield(record) {
			return
		}
	}
}

// read copies a slot when it holds the request of that number.
func (s *slot) read(seq uint64, layouts map[uint32]*Layout) *Record {
	if !s.busy.CompareAndSwap(false, true) {
		return nil
	}
	defer s.busy.Store(false)
	if s.seq != seq {
		return nil
	}
	host, path := int(s.method), int(s.method)+int(s.host)
	values := path + int(s.path)
	text := string(s.text[:s.end])
	return &Record{
		At: time.Unix(0, s.at).UTC(), Method: text[:host], Host: text[host:path], Path: text[path:values],
		Cut: s.cut, Facts: s.facts, layout: layouts[s.layout], values: []byte(text[values:]),
	}
}

// Recall is what is remembered of the request's value at a source.
func (r *Record) Recall(source routes.Source) routes.Recalled {
	if r.layout == nil || r.Cut {
		return routes.Recalled{}
	}
	rest := r.values
	for i := range r.layout.sources {
		var v routes.Recalled
		if v, rest = next(rest); r.layout.sources[i].source == source {
			return v
		}
	}
	return routes.Recalled{}
}

// next is the first of the values and those behind it.
func next(values []byte) (v routes.Recalled, rest []byte) {
	v.Known = true
	state, rest := values[0], values[1:]
	switch state {
	case valueMissing:
	case valueSeveral:
		v.Value.State = routes.ValueSeveral
	case valueDoubtful:
		v.Value.State = routes.ValueDoubtful
	case valueHashed:
		hash := binary.LittleEndian.Uint64(rest)
		v.Value.State, v.Is = routes.ValueSingle, func(text string) bool { return Hash(text) == hash }
		return v, rest[hashSize:]
	default:
		size := int(state - valueText)
		v.Value = routes.Value{State: routes.ValueSingle, Text: string(rest[:size])}
		return v, rest[size:]
	}
	return v, rest
}

// CheckSize says what is wrong with a number of requests to remember; 0 is none.
func CheckSize(n int) error {
	if n < 0 || n > Max {
		return fmt.Errorf("%d is not 0 to %d", n, Max)
	}
	return nil
}
