package book

import (
	"cmp"
	"context"
	"slices"

	"github.com/strangler-proxy/strangler/shadow"
)

// load takes over what the store has.
func (b *Book) load(ctx context.Context) error {
	has, err := b.store.Load(ctx)
	if err != nil {
		return err
	}
	now := b.now()
	eras := map[EraKey]*era{}
	for _, totals := range has.Routes {
		b.routes[totals.Route] = &route{missed: map[miss]uint64{}, totals: totals, since: now}
	}
	for i := range has.Eras {
		row := &has.Eras[i]
		rt := b.routes[row.Route]
		if rt == nil {
			continue
		}
		e := newEra(&row.Era)
		e.dirty, e.touched = false, now // a restart is no silence
		e.Mismatched = e.Buckets[shadow.Different] + e.Buckets[shadow.NotReproducible]
		e.remember()
		eras[EraKey{row.Route, row.Number}] = e
		rt.eras = append(rt.eras, e)
	}
	for _, rt := range b.routes {
		slices.SortFunc(rt.eras, func(a, b *era) int { return cmp.Compare(b.Number, a.Number) })
	}
	for i := range has.Signatures {
		row := &has.Signatures[i]
		if e := eras[row.EraKey]; e != nil {
			e.signatures[row.Signature.Signature] = &signature{Signature: row.Signature}
			b.signatures.Add(1)
		}
	}
	for _, ref := range has.Samples {
		b.loadSample(eras[ref.EraKey], ref)
	}
	return nil
}

// loadSample takes over a sample's place, or drops it when it has none.
func (b *Book) loadSample(e *era, ref SampleRef) {
	if e == nil || e.signatures[ref.Signature] == nil || ref.Slot < 0 || ref.Slot >= b.limits.Samples {
		b.outbox.dropSample(ref.SampleKey)
		return
	}
	s := e.signatures[ref.Signature]
	for len(s.slots) <= ref.Slot {
		s.slots = append(s.slots, slot{})
	}
	s.slots[ref.Slot] = slot{ref.At, ref.Size}
	b.sampleBytes.Add(int64(ref.Size))
}
