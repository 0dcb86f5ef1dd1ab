package book

import (
	"cmp"
	"slices"
	"time"
)

// placed is a sample where it lies.
type placed struct {
	slot

	key SampleKey
	s   *signature
	rt  *route
}

// expire frees the slots of samples that are too old and, oldest first, of as
// many as are over the limit.
func (b *Book) expire(now time.Time) {
	oldest := now.Add(-b.limits.SampleTTL).Unix()
	over := b.sampleBytes.Load() > b.limits.SampleBytes
	var all []placed
	b.each(func(name string, rt *route) {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		for _, e := range rt.eras {
			for _, s := range e.signatures {
				key := SignatureKey{EraKey{name, e.Number}, s.Signature.Signature}
				for i, x := range s.slots {
					if x.at != 0 && (over || x.at <= oldest) {
						all = append(all, placed{x, SampleKey{key, i}, s, rt})
					}
				}
			}
		}
	})
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	for i := range all {
		if all[i].at > oldest && b.sampleBytes.Load() <= b.limits.SampleBytes/10*9 {
			return
		}
		b.free(&all[i])
	}
}

// free frees one slot, unless another sample lies there by now.
func (b *Book) free(x *placed) {
	x.rt.mu.Lock()
	defer x.rt.mu.Unlock()
	if x.key.Slot < len(x.s.slots) && x.s.slots[x.key.Slot] == x.slot {
		x.s.slots[x.key.Slot] = slot{}
		b.sampleBytes.Add(-int64(x.size))
		b.outbox.dropSample(x.key)
	}
}

// expireRoutes forgets the routes that the table has no more, when nothing of
// them is young.
func (b *Book) expireRoutes(now time.Time) {
	if !b.configured.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, rt := range b.routes {
		if b.forgetRoute(name, rt, now) {
			delete(b.routes, name)
		}
	}
}

func (b *Book) forgetRoute(name string, rt *route, now time.Time) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.config.Name != "" {
		return false
	}
	if rt.drain(now); rt.latest().After(now.Add(-b.limits.RouteTTL)) {
		return false
	}
	for _, e := range rt.eras {
		for _, s := range e.signatures {
			b.forget(s)
		}
	}
	rt.eras = nil
	b.outbox.dropRoute(name)
	return true
}

// latest is when the newest evidence came; when there is none, when the route
// became known. The caller holds mu.
func (rt *route) latest() time.Time {
	if len(rt.eras) == 0 {
		return rt.since
	}
	at := rt.eras[0].Began
	for _, e := range rt.eras {
		if e.LastCompared.After(at) {
			at = e.LastCompared
		}
	}
	return at
}
