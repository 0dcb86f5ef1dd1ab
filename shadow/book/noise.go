package book

import (
	"maps"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// Noise is what is known of where the monolith differs from itself. It belongs to
// an era; the next one, of another build of the service alone, begins with what
// this one knew of the monolith.
type Noise struct {
	// Pairs is how many pairs it was learned from.
	Pairs uint64 `json:"pairs"`
	// Places by [diff.Difference.Place].
	Places map[string]*Place `json:"places,omitempty"`
	// Doubtful are differences that count as the service's, by where they lie: when
	// all of it is known to be noise they are noise too.
	Doubtful map[string]uint64 `json:"doubtful,omitempty"`
	// Odd counts who was the odd one of three answers, by the places where it was.
	Odd map[string]stats.Odd `json:"odd,omitempty"`
}

// Place is one place in which the monolith has differed from itself.
type Place struct {
	// Differed is in how many pairs it did.
	Differed uint64 `json:"differed"`
	// Service is how many comparisons differed there since From were compared.
	Service uint64 `json:"service"`
	From    uint64 `json:"from"`
	// Since is when it was learned that a difference there is noise, zero while
	// it is not.
	Since time.Time `json:"since,omitzero"`
	// Excess says that the service differs there more often than the monolith does
	// from itself, so that its differences count again.
	Excess bool `json:"excess,omitempty"`
}

// known says that a difference there is noise.
func (p *Place) known() bool { return !p.Since.IsZero() && !p.Excess }

const (
	// maxPlaces and maxDoubtful (bytes of names) bound what is learned of a route's
	// era; what has no room is not learned, and counts as the service's.
	maxPlaces   = 256
	maxDoubtful = 64 << 10

	wordLearned = "learned" // of shadow's bucket noise
)

// stats are a place's counts in an era.
func (n *Noise) stats(p *Place, e *Era) stats.Noise {
	return stats.Noise{Differed: p.Differed, Pairs: n.Pairs, Service: p.Service, Compared: e.Compared - min(p.From, e.Compared)}
}

// learnable tells whether a place may be learned. A status may not, nor a body as
// a whole: nothing of the answer would be left that is compared.
func learnable(place string) bool {
	return !strings.HasPrefix(place, "status ") && !strings.HasPrefix(place, "$ value ") && !strings.HasPrefix(place, "$ type ")
}

// Learned are the places where the monolith of a record's route is known to differ
// from itself ([shadow.Options].Learned). It must not be changed.
func (b *Book) Learned(r *shadow.Record) map[string]bool {
	b.mu.RLock()
	rt := b.routes[r.Route]
	b.mu.RUnlock()
	if rt == nil {
		return nil
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if len(rt.eras) == 0 {
		return nil
	}
	builds := rt.eras[0].of(r)
	for _, e := range rt.eras {
		if e.Builds == builds {
			return e.known
		}
	}
	inherited := rt.inherited(builds)
	return inherited.learned()
}

// inherited is what a new era begins with: what is known of the same monolith,
// compared by the same rules. The caller holds mu.
func (rt *route) inherited(builds Builds) Noise {
	for _, e := range rt.eras {
		same := e.Builds
		if same.Service = builds.Service; same == builds {
			return e.Noise.handDown()
		}
	}
	return Noise{}
}

// handDown is what outlives a build of the service.
func (n *Noise) handDown() Noise {
	out := Noise{Pairs: n.Pairs, Places: make(map[string]*Place, len(n.Places))}
	for name, p := range n.Places {
		out.Places[name] = &Place{Differed: p.Differed, Since: p.Since}
	}
	return out
}

// clone is a copy that shares nothing that changes.
func (n *Noise) clone() Noise {
	out := *n
	out.Places, out.Doubtful, out.Odd = maps.Clone(n.Places), maps.Clone(n.Doubtful), maps.Clone(n.Odd)
	for name, p := range out.Places {
		p := *p
		out.Places[name] = &p
	}
	return out
}

// learned are the places where a difference is noise.
func (n *Noise) learned() map[string]bool {
	known := make(map[string]bool, len(n.Places))
	for name, p := range n.Places {
		if p.known() {
			known[name] = true
		}
	}
	return known
}

// remember makes anew what the era has at hand of its noise.
func (e *era) remember() {
	e.known, e.doubtful = e.Noise.learned(), 0
	for name := range e.Noise.Doubtful {
		e.doubtful += len(name)
	}
}

// learn takes one comparison. The caller holds the route's mu.
func (rt *route) learn(e *era, r *shadow.Record, now time.Time) {
	if r.Rare {
		return
	}
	distinct(r.Result.Differences, byPlace, func(d *diff.Difference) {
		if p := e.Noise.Places[d.Place]; p != nil {
			p.Service++
		}
	})
	if r.Bucket.Mismatch() {
		e.doubt(r)
	}
	e.odd(r)
	if paired(r) {
		rt.pair(e, r, now)
	}
}

// pair learns from two answers of the monolith. The caller holds the route's mu.
func (rt *route) pair(e *era, r *shadow.Record, now time.Time) {
	n := &e.Noise
	n.Pairs++
	distinct(r.Again.Differences, byPlace, func(d *diff.Difference) { n.differ(d.Place, e.Compared) })
	if n.weigh(&e.Era, now) {
		e.remember()
		rt.settle(e)
	}
}

// differ notes that the monolith differed from itself in a place.
func (n *Noise) differ(place string, compared uint64) {
	p := n.Places[place]
	if p == nil {
		if !learnable(place) || len(n.Places) >= maxPlaces && !n.evict() {
			return
		}
		if n.Places == nil {
			n.Places = map[string]*Place{}
		}
		p = &Place{From: compared}
		n.Places[place] = p
	}
	p.Differed++
}

// evict makes room by forgetting a place that is far from being learned.
func (n *Noise) evict() bool {
	for name, p := range n.Places {
		if p.Since.IsZero() && p.Differed*100 < n.Pairs {
			delete(n.Places, name)
			return true
		}
	}
	return false
}

// weigh says of each place anew what is known, and tells whether that changed.
func (n *Noise) weigh(e *Era, now time.Time) (changed bool) {
	for _, p := range n.Places {
		counts := n.stats(p, e)
		known := counts.Known(!p.Since.IsZero())
		excess := known && counts.Exceeds()
		if known == p.Since.IsZero() || excess != p.Excess {
			changed = true
		}
		if p.Excess = excess; !known {
			p.Since = time.Time{}
		} else if p.Since.IsZero() {
			p.Since = now
		}
	}
	return changed
}
