package book

import (
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

const (
	// maxOdd sets of places and maxOddName bytes of each bound what is known of the odd
	// ones of an era; what has no room is not excused.
	maxOdd     = 128
	maxOddName = 512
)

// odd notes who was the odd one of the three answers to a request that was asked
// again ([stats.Odd]). Sets of places are held against each other, so that the
// monolith's noise in one place excuses nothing beside it.
func (e *era) odd(r *shadow.Record) {
	if r.Again == nil || r.Crossed == nil || !whole(&r.Result) || !whole(r.Again) || !whole(r.Crossed) {
		return
	}
	if r.Bucket == shadow.NotReproducible {
		e.note(r, func(d *diff.Difference) string { return only(!hasPlace(r.Again, d), d.Place) }, stats.Odd{Service: 1})
	}
	e.note(r, func(d *diff.Difference) string {
		return only(hasPlace(r.Again, d) && !hasPlace(r.Crossed, d), mirrored(d.Place))
	}, stats.Odd{Monolith: 1})
}

func only(here bool, place string) string {
	if here {
		return place
	}
	return ""
}

// mirrored is the place, or signature, of a difference were the two answers changed
// places: where the monolith's answer was the odd one it is that of the service's having been.
func mirrored(name string) string {
	path, types := cutLast(name)
	path, kind := cutLast(path)
	from, to, _ := strings.Cut(types, "→")
	switch diff.Kind(kind) {
	case diff.Missing:
		kind = string(diff.Extra)
	case diff.Extra:
		kind = string(diff.Missing)
	default:
	}
	return path + " " + kind + " " + to + "→" + from
}

func cutLast(s string) (before, last string) {
	i := strings.LastIndexByte(s, ' ')
	return s[:max(0, i)], s[i+1:]
}

// raced takes a request of which the service's answer was the monolith's second: it
// is no comparison, but it tells of the monolith.
func (b *Book) raced(rt *route, r *shadow.Record) {
	if r.Rare {
		return
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if len(rt.eras) == 0 || rt.eras[0].of(r) != rt.eras[0].Builds {
		return
	}
	e := rt.eras[0]
	e.odd(r)
	distinct(r.Result.Differences, bySignature, func(d *diff.Difference) {
		s := b.signature(e, mirrored(d.Signature))
		s.Noise++
		if s.First.IsZero() {
			s.First = r.At
		}
		s.Last, s.dirty = r.At, true
	})
	if paired(r) {
		rt.pair(e, r, b.now())
	}
	e.dirty, rt.dirty = true, true
}

// note adds to the set of the places where the answers differed, as name has them, that
// are not known to be noisy.
func (e *era) note(r *shadow.Record, name func(d *diff.Difference) string, by stats.Odd) {
	var names []string
	distinct(r.Result.Differences, byPlace, func(d *diff.Difference) {
		if place := name(d); place != "" && !e.known[d.Place] {
			names = append(names, place)
		}
	})
	slices.Sort(names)
	key := strings.Join(names, "\n")
	o, there := e.Noise.Odd[key]
	if key == "" || len(key) > maxOddName || !there && len(e.Noise.Odd) >= maxOdd && !e.Noise.evictOdd() {
		return
	}
	if e.Noise.Odd == nil {
		e.Noise.Odd = map[string]stats.Odd{}
	}
	e.Noise.Odd[key] = stats.Odd{Service: o.Service + by.Service, Monolith: o.Monolith + by.Monolith}
}

// evictOdd makes room by forgetting a set that was seen once.
func (n *Noise) evictOdd() bool {
	for key, o := range n.Odd {
		if o.Service+o.Monolith == 1 {
			delete(n.Odd, key)
			return true
		}
	}
	return false
}

// whole tells whether a result names all its differences.
func whole(r *diff.Result) bool {
	return told(r.Verdict) && r.Reason == "" && r.Total == len(r.Differences)
}

func hasPlace(r *diff.Result, at *diff.Difference) bool {
	return slices.ContainsFunc(r.Differences, func(d diff.Difference) bool { return d.Place == at.Place })
}

// excused is how many mismatches are no more than the monolith's own noise: they did
// not come again, and its own answers were the odd ones there as often.
func (e *Era) excused() uint64 {
	sum := uint64(0)
	for _, o := range e.Noise.Odd {
		sum += o.Excused(e.Compared)
	}
	return min(sum, e.Buckets[shadow.NotReproducible], e.Mismatched)
}

// certain is how many mismatches are the service's, whenever one looks: those that
// may still be found to be the monolith's noise are left out. By any set of places, or
// by all together: what is wrong in another place each time is no better.
func (e *Era) certain() uint64 {
	once := min(e.Buckets[shadow.NotReproducible], e.Mismatched)
	all, sum := stats.Odd{Service: once}, uint64(0)
	for _, o := range e.Noise.Odd {
		sum += o.Certain(e.Compared)
		all.Monolith += o.Monolith
	}
	return e.Mismatched - once + min(once, max(sum, all.Certain(e.Compared)))
}
