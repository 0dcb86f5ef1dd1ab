package shadow

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// rarity counts shapes of requests and answers, roughly: a shape shares its
// count with others now and then, and then looks more common than it is.
type rarity struct {
	counts [1024]atomic.Uint32
	total  atomic.Uint32
}

// rareBelow is the share of all below which a shape is rare: 1 in rareBelow.
const rareBelow = 200

// see counts a shape and tells whether it is rare.
func (r *rarity) see(shape uint64) bool {
	shape ^= shape >> 32
	total, n := r.total.Add(1), r.counts[(shape^shape>>10)%uint64(len(r.counts))].Add(1)
	return n <= 2 || uint64(n)*rareBelow < uint64(total)
}

// fade lets what was long ago count less.
func (r *rarity) fade() {
	r.total.Store(r.total.Load() / 2)
	for i := range r.counts {
		if n := r.counts[i].Load(); n > 0 {
			r.counts[i].Store(n / 2)
		}
	}
}

const (
	hashStart = 0xcbf29ce484222325 // FNV-1a
	hashPrime = 0x100000001b3
)

func hashOf(s string) uint64 {
	h := uint64(hashStart)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

// shapeOf is the same for requests that look alike: the method, the path with
// the segments that hold a digit taken as one, and the names in the query.
func shapeOf(r *http.Request) uint64 {
	h := hashOf(r.Method)
	for segment := range strings.SplitSeq(r.URL.Path, "/") {
		if strings.ContainsAny(segment, "0123456789") {
			segment = "0"
		}
		h = (h ^ hashOf(segment)) * hashPrime
	}
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		h ^= hashOf(name) // in any order
	}
	return h
}

// allowance is a bucket of tokens without a lock: when it is asked at the same
// moment by two, both may get what is one.
type allowance struct {
	perSecond, burst float64
	since            atomic.Int64 // nanoseconds: tokens are counted from here
}

// take takes a token at a time, in nanoseconds since any moment.
func (a *allowance) take(now int64) bool {
	if a.perSecond <= 0 {
		return false
	}
	each := int64(1e9 / a.perSecond)
	for {
		since := a.since.Load()
		from := max(since, now-int64(a.burst*1e9/a.perSecond))
		if since > now {
			from = now - each // the clock was set back
		}
		if from+each > now {
			return false
		}
		if a.since.CompareAndSwap(since, from+each) {
			return true
		}
	}
}
