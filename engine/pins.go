package engine

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// ReasonPinned is the reason when the service failed who asks a short time ago:
// until that has passed the monolith serves them.
const ReasonPinned routes.Reason = "pinned"

const (
	pinWays  = 8       // places where one pin may be: a cache line
	pinSets  = 1 << 13 // 65,536 pins, half a MiB
	untilLen = 30      // bits of a pin that say until when, in seconds from the start: 34 years
	untilMax = 1<<untilLen - 1
)

// pins knows who stays on the monolith after a failure, in memory of a fixed
// size and without a lock. A pin is the keyed hash of a cohort and a sticky key,
// so nobody can aim at another's place, and the second until which it holds;
// of 2³⁰ people, one is taken for somebody who is pinned. Routes of a cohort share their pins: they are
// one flow. When a pin's places are all taken the one that ends first gives way.
type pins struct {
	seed    maphash.Seed
	epoch   time.Time
	dropped atomic.Uint64
	sets    [pinSets][pinWays]atomic.Uint64
}

func newPins(now time.Time) *pins { return &pins{seed: maphash.MakeSeed(), epoch: now} }

// find is the set of a pin and its tag, which is never 0.
func (p *pins) find(cohort, key string) (set *[pinWays]atomic.Uint64, tag uint64) {
	hash := maphash.String(p.seed, cohort)*31 ^ maphash.String(p.seed, key)
	return &p.sets[hash%pinSets], hash>>untilLen | 1
}

// seconds counts from the epoch, rounded up.
func (p *pins) seconds(now time.Time) uint64 {
	return uint64(min(max(int64((now.Sub(p.epoch)+time.Second-1)/time.Second), 1), untilMax))
}

// pinned says whether who has the key is pinned at now.
func (p *pins) pinned(cohort, key string, now time.Time) bool {
	set, tag := p.find(cohort, key)
	for i := range set {
		if pin := set[i].Load(); pin>>untilLen == tag {
			return p.seconds(now) <= pin&untilMax
		}
	}
	return false
}

// pin keeps who has the key on the monolith, from now on for so long.
func (p *pins) pin(cohort, key string, now time.Time, long time.Duration) {
	set, tag := p.find(cohort, key)
	second := p.seconds(now)
	pin := tag<<untilLen | p.seconds(now.Add(long))
	place, first := &set[0], uint64(untilMax)
	for i := range set {
		have := set[i].Load()
		if have>>untilLen == tag {
			set[i].Store(pin)
			return
		}
		if ends := have & untilMax; ends < first {
			place, first = &set[i], ends
		}
	}
	if have := place.Load(); have&untilMax >= second {
		p.dropped.Add(1)
	}
	place.Store(pin)
}

// PinStatus is how many people stay on the monolith after a failure.
type PinStatus struct {
	// Active is how many pins hold now, of at most Limit.
	Active int `json:"active"`
	Limit  int `json:"limit"`
	// Dropped is how many gave way to others before their time.
	Dropped uint64 `json:"dropped"`
}

func (p *pins) status(now time.Time) PinStatus {
	s := PinStatus{Limit: pinSets * pinWays, Dropped: p.dropped.Load()}
	second := p.seconds(now)
	for i := range p.sets {
		for j := range p.sets[i] {
			if p.sets[i][j].Load()&untilMax >= second {
				s.Active++
			}
		}
	}
	return s
}

// keepOff turns a decision for the service to the monolith when who asks is
// pinned. keyOf is asked where the decision needed no key, as at 100 %.
func (e *Engine) keepOff(d *routes.Decision, r *routes.Route, key stickyKey, keyOf func() stickyKey, now time.Time) stickyKey {
	if r.PinAfterFailure == 0 || d.Arm != routes.Service {
		return key
	}
	if key.text == "" {
		key = keyOf()
	}
	if key.text != "" && e.pins.pinned(cohort(r), key.text, now) {
		d.Arm, d.Reason = routes.Monolith, ReasonPinned
	}
	return key
}
