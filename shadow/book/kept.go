package book

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// Why there are no samples of what was asked for.
var (
	// ErrUnknownSignature says that an era has no such signature.
	ErrUnknownSignature = errors.New("no answers differed so in this era")
	// ErrUnknownEra says that a route has no such era.
	ErrUnknownEra = errors.New("nothing is kept of such an era; the report names those there are")
)

// Kept are the samples of one era of a route, 0 for the present one: of one signature,
// or of all when none is named; the worst signature first, of each the newest sample
// first, and limit of them at most. The error wraps [ErrUnknownRoute], [ErrUnknownEra]
// or [ErrUnknownSignature], or is the store's.
func (b *Book) Kept(ctx context.Context, name, signature string, era uint64, limit int) ([]report.Kept, error) {
	b.mu.RLock()
	rt := b.routes[name]
	b.mu.RUnlock()
	if rt == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrUnknownRoute)
	}
	keys, err := rt.keys(signature, era)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b.read(ctx, keys[:min(limit, len(keys))])
}

// keys are where the samples lie.
func (rt *route) keys(signature string, number uint64) (keys []SampleKey, err error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	e := rt.read()
	if number != 0 {
		i := slices.IndexFunc(rt.eras, func(of *era) bool { return of.Number == number })
		if i < 0 {
			return nil, fmt.Errorf("%w: %d", ErrUnknownEra, number)
		}
		e = rt.eras[i]
	}
	if signature != "" && e.signatures[signature] == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownSignature, signature)
	}
	var all []report.Signature
	for _, f := range e.findings() {
		s := e.signatures[f.Path]
		if signature == "" || signature == f.Path {
			all = append(all, signatureReport(&s.Signature, &f, e.Compared, 0))
		}
	}
	slices.SortFunc(all, func(a, b report.Signature) int { return worse(&a, &b) })
	for i := range all {
		keys = append(keys, e.newest(EraKey{rt.totals.Route, e.Number}, all[i].Signature)...)
	}
	return keys, nil
}

// newest are the samples of a signature, the newest first.
func (e *era) newest(of EraKey, signature string) []SampleKey {
	slots := e.signatures[signature].slots
	var taken []int
	for i := range slots {
		if slots[i].at > 0 {
			taken = append(taken, i)
		}
	}
	slices.SortFunc(taken, func(a, b int) int { return cmp.Compare(slots[b].at, slots[a].at) })
	keys := make([]SampleKey, len(taken))
	for i, slot := range taken {
		keys[i] = SampleKey{SignatureKey{of, signature}, slot}
	}
	return keys
}

// samples is how many the era has.
func (e *era) samples() (n int) {
	for _, s := range e.signatures {
		for i := range s.slots {
			if s.slots[i].at > 0 {
				n++
			}
		}
	}
	return n
}

// read reads samples in the order asked for; those that are gone are left out.
func (b *Book) read(ctx context.Context, keys []SampleKey) ([]report.Kept, error) {
	found, ask := make(map[SampleKey]*report.Sample, len(keys)), make([]SampleKey, 0, len(keys))
	for _, key := range keys {
		row := b.outbox.waiting(key)
		if row == nil {
			ask = append(ask, key)
			continue
		}
		found[key] = new(report.Sample)
		if err := json.Unmarshal(row.Data, found[key]); err != nil {
			return nil, err
		}
	}
	stored, err := b.store.Samples(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("reading samples: %w", err)
	}
	out := make([]report.Kept, 0, len(keys))
	for _, key := range keys {
		if sample := cmp.Or(found[key], stored[key]); sample != nil {
			out = append(out, report.Kept{Signature: key.Signature, Sample: *sample})
		}
	}
	return out, nil
}
