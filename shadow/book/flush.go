package book

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Status is how the book itself fares.
type Status struct {
	// Notice is what an operator must know, empty when all is well.
	Notice string `json:"notice,omitempty"`
	// LastFlush is when changes were last stored, zero when never.
	LastFlush time.Time `json:"last_flush,omitzero"`
	// Failures counts writes that failed since the last that did not, LastError
	// is why.
	Failures  uint64 `json:"failures"`
	LastError string `json:"last_error,omitempty"`
	// Signatures and SampleBytes are what is kept of all routes.
	Signatures  int64 `json:"signatures"`
	SampleBytes int64 `json:"sample_bytes"`
	// LostSamples counts samples that found no room while they waited for the
	// store, Unrecorded requests of routes beyond the limit.
	LostSamples uint64 `json:"lost_samples"`
	Unrecorded  uint64 `json:"unrecorded"`
}

// Status is how the book fares now.
func (b *Book) Status() Status {
	s := *b.status.Load()
	s.Signatures, s.SampleBytes = b.signatures.Load(), b.sampleBytes.Load()
	s.LostSamples, s.Unrecorded = b.lost.Load(), b.unrecorded.Load()
	return s
}

const (
	// expireEvery is how often samples are looked through.
	expireEvery = time.Minute
	maxPause    = time.Minute
	lastFlush   = 5 * time.Second
)

// Run writes what changed every now and then until ctx ends, and then a last
// time. While the store fails it waits longer, a minute at most.
func (b *Book) Run(ctx context.Context) {
	pause, expired := b.every, b.now()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			_ = b.Flush(last) // logged, and in the status
			return
		case <-time.After(pause):
		}
		if now := b.now(); now.Sub(expired) >= expireEvery {
			b.expire(now)
			b.expireRoutes(now)
			expired = now
		}
		if err := b.Flush(ctx); err != nil {
			pause = min(2*pause, max(maxPause, b.every))
		} else {
			pause = b.every
		}
	}
}

// Flush writes what changed since the last time, in one transaction.
func (b *Book) Flush(ctx context.Context) error {
	b.flushing.Lock()
	defer b.flushing.Unlock()
	before := *b.status.Load()
	batch := b.collect(before.Failures > 0)
	if batch.empty() {
		return nil
	}
	err := b.store.Write(ctx, batch)
	b.outbox.written(batch, err)
	after := before
	if err != nil {
		after.Failures++
		after.LastError = err.Error()
		if before.LastError != after.LastError {
			b.log.Error("the evidence of comparisons is not stored; it goes on in memory, and is written when that works again", "error", err)
		}
	} else {
		after.Failures, after.LastError, after.LastFlush = 0, "", b.now()
		if before.Failures > 0 {
			b.log.Info("the evidence of comparisons is stored again: nothing of the counts is lost")
		}
	}
	b.status.Store(&after)
	return err
}

// collect copies what changed, or all there is. Values are absolute, so that
// what a failed write left in doubt is simply written again.
func (b *Book) collect(all bool) *Batch {
	now := b.now()
	batch := new(Batch)
	b.outbox.fill(batch)
	b.each(func(name string, rt *route) {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.drain(now)
		if !rt.dirty && !all {
			return
		}
		rt.dirty = false
		batch.Routes = append(batch.Routes, rt.totals)
		for _, e := range rt.eras {
			if e.dirty || all {
				e.dirty = false
				e.collect(name, all, batch)
			}
		}
	})
	return batch
}

func (e *era) collect(name string, all bool, batch *Batch) {
	batch.Eras = append(batch.Eras, EraRow{name, e.clone()})
	for _, s := range e.signatures {
		if s.dirty || all {
			s.dirty = false
			batch.Signatures = append(batch.Signatures, SignatureRow{EraKey{name, e.Number}, s.clone()})
		}
	}
}

// outbox is what waits for the store beside the aggregates.
type outbox struct {
	mu         sync.Mutex
	routes     []string
	eras       []EraKey
	signatures []SignatureKey
	dropped    []SampleKey
	samples    map[SampleKey]*SampleRow
	bytes      int64
}

func (o *outbox) add(row *SampleRow, limit int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes+int64(row.Size) > limit {
		return false
	}
	if o.samples == nil {
		o.samples = map[SampleKey]*SampleRow{}
	}
	o.samples[row.SampleKey] = row
	o.bytes += int64(row.Size)
	return true
}

// remove takes out waiting samples. The caller holds mu.
func (o *outbox) remove(which func(SampleKey) bool) {
	maps.DeleteFunc(o.samples, func(key SampleKey, row *SampleRow) bool {
		if !which(key) {
			return false
		}
		o.bytes -= int64(row.Size)
		return true
	})
}

func (o *outbox) dropRoute(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(func(k SampleKey) bool { return k.Route == name })
	o.routes = append(o.routes, name)
}

func (o *outbox) dropEra(key EraKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(func(k SampleKey) bool { return k.EraKey == key })
	o.eras = append(o.eras, key)
}

func (o *outbox) dropSignature(key SignatureKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(func(k SampleKey) bool { return k.SignatureKey == key })
	o.signatures = append(o.signatures, key)
}

func (o *outbox) dropSample(key SampleKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(func(k SampleKey) bool { return k == key })
	o.dropped = append(o.dropped, key)
}

// waiting is a sample that is not yet stored.
func (o *outbox) waiting(key SampleKey) *SampleRow {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.samples[key]
}

func (o *outbox) fill(batch *Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch.DropRoutes, batch.DropEras, batch.DropSignatures, batch.DropSamples = o.routes, o.eras, o.signatures, o.dropped
	o.routes, o.eras, o.signatures, o.dropped = nil, nil, nil, nil
	for _, row := range o.samples {
		batch.Samples = append(batch.Samples, *row)
	}
}

// written takes out what was stored, or puts back what has to be dropped.
func (o *outbox) written(batch *Batch, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.routes = slices.Concat(batch.DropRoutes, o.routes)
		o.eras = slices.Concat(batch.DropEras, o.eras)
		o.signatures = slices.Concat(batch.DropSignatures, o.signatures)
		o.dropped = slices.Concat(batch.DropSamples, o.dropped)
		return
	}
	for i := range batch.Samples {
		sent := &batch.Samples[i]
		if row := o.samples[sent.SampleKey]; row != nil && row.At == sent.At && &row.Data[0] == &sent.Data[0] {
			delete(o.samples, sent.SampleKey)
			o.bytes -= int64(row.Size)
		}
	}
}
