package book

import (
	"slices"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Record takes one record. A request that was not compared costs one addition
// under a lock that is never held longer; a comparison is redacted and added up
// under the route's lock. Nothing waits for the store.
func (b *Book) Record(r *shadow.Record) {
	rt := b.route(r.Route)
	if rt == nil {
		b.unrecorded.Add(1)
		return
	}
	if int(r.Bucket) >= shadow.Buckets {
		b.unrecorded.Add(1) // a defect of the caller's
		return
	}
	if r.Bucket == shadow.Raced {
		b.raced(rt, r)
	}
	if !r.Bucket.Compared() {
		rt.miss(miss{r.Bucket, word(r.Why), r.Rare})
		return
	}
	now := b.now()
	rt.mu.Lock()
	defer rt.mu.Unlock()
	e, begun := rt.eraOf(r, now)
	if begun {
		b.age(rt)
	}
	e.touched = now
	e.compare(r)
	e.unsteady(r)
	if !r.Rare {
		rt.totals.Sampled++
		rt.totals.Compared++
		if r.Bucket.Mismatch() {
			rt.totals.Mismatched++
		}
	}
	b.differences(rt, e, r)
	rt.learn(e, r, now)
	e.dirty, rt.dirty = true, true
}

// unsteady counts that the monolith's second answer was another than its first. What
// is known of that counts nowhere as the service's, so it excuses nothing either: of the rest of the
// answer alone, who of three is the odd one is as much a matter of chance.
func (e *era) unsteady(r *shadow.Record) {
	if r.Rare || r.Again == nil || r.Again.Verdict != diff.Different || e.explains(r.Again) {
		return
	}
	if r.Result.Verdict == diff.Different {
		e.Unstable++
	}
	if paired(r) {
		e.Noisy++
	}
}

// explains tells whether all that a result names is known to be the monolith's noise,
// and it names all.
func (e *era) explains(r *diff.Result) bool {
	return len(r.Differences) > 0 && whole(r) &&
		!slices.ContainsFunc(r.Differences, func(d diff.Difference) bool { return !e.known[d.Place] })
}

// paired tells whether the record counts as a pair: chosen before anyone knew,
// and both answers were compared whole.
func paired(r *shadow.Record) bool {
	return r.Chosen && !r.Rare && r.Again != nil && told(r.Result.Verdict) && told(r.Again.Verdict)
}

func told(v diff.Verdict) bool {
	return v == diff.Equal || v == diff.EqualByRule || v == diff.Different
}

// differences adds up the record's signatures. Those beyond the limit count
// together, once for each record.
func (b *Book) differences(rt *route, e *era, r *shadow.Record) {
	pair := paired(r)
	if pair {
		e.Pairs++
	}
	var again []diff.Difference
	if r.Again != nil {
		again = r.Again.Differences
	}
	sampler := sampler{book: b, route: rt, era: e, record: r}
	var others *signature
	var beyond outcome
	add := func(d *diff.Difference, service bool) {
		s := b.signature(e, d.Signature)
		o := outcome{service: service, monolith: !service || has(again, d.Signature)}
		if s.Signature.Signature == other {
			beyond.service, beyond.monolith, others = beyond.service || o.service, beyond.monolith || o.monolith, s
			return
		}
		o.serviceAlone = o.service && beside(r.Result.Differences, again, d.Signature)
		o.monolithAlone = o.monolith && beside(again, r.Result.Differences, d.Signature)
		b.count(s, r, o, pair)
		if service {
			if len(s.Paths) < maxPaths {
				s.path(safePath(b.key, d))
			}
			sampler.take(s)
		}
	}
	distinct(r.Result.Differences, bySignature, func(d *diff.Difference) { add(d, true) })
	distinct(again, bySignature, func(d *diff.Difference) {
		if !has(r.Result.Differences, d.Signature) {
			add(d, false)
		}
	})
	if others != nil {
		beyond.serviceAlone, beyond.monolithAlone = beyond.service && !beyond.monolith, beyond.monolith && !beyond.service
		b.count(others, r, beyond, pair)
	}
}

// An outcome is what one comparison says of one signature: whether the service
// differed so, whether the monolith's second answer did, and who of them did where
// the other did not. Both are held against the same first answer, so when the
// service is as the monolith it is as likely to be alone somewhere; and what is
// the service's own shows, though the monolith always differs from itself beside.
type outcome struct{ service, monolith, serviceAlone, monolithAlone bool }

// beside tells whether some of the differences of a signature are where others
// has none.
func beside(of, others []diff.Difference, signature string) bool {
	return slices.ContainsFunc(of, func(d diff.Difference) bool {
		return d.Signature == signature && !hasAt(others, &d)
	})
}

func hasAt(differences []diff.Difference, at *diff.Difference) bool {
	return slices.ContainsFunc(differences, func(d diff.Difference) bool {
		return d.Path == at.Path && d.Signature == at.Signature
	})
}

// count adds one comparison to a signature.
func (b *Book) count(s *signature, r *shadow.Record, o outcome, pair bool) {
	if o.service {
		s.differ(r, &o)
	}
	if o.monolith && (o.monolithAlone || !o.serviceAlone) {
		s.Noise++
	}
	if pair {
		s.pair(&o)
	}
	if s.First.IsZero() {
		s.First = r.At
	}
	if r.At.After(s.Last) {
		s.Last = r.At
	}
	s.dirty = true
}

// signature is an era's signature of a name, made when it is new; the one for all
// others when there are too many.
func (b *Book) signature(e *era, name string) *signature {
	if s := e.signatures[name]; s != nil {
		return s
	}
	full := len(e.signatures) >= b.limits.Signatures || b.signatures.Load() >= int64(b.limits.TotalSignatures)
	if full {
		if s := e.signatures[other]; s != nil {
			return s
		}
		name = other
	}
	s := &signature{Signature: Signature{Signature: name}}
	e.signatures[name] = s
	b.signatures.Add(1)
	return s
}

// age drops the eras that are too old, and signatures of those that have two
// after them. The caller holds the route's mu.
func (b *Book) age(rt *route) {
	for len(rt.eras) > maxEras {
		last := rt.eras[len(rt.eras)-1]
		rt.eras = rt.eras[:len(rt.eras)-1]
		for _, s := range last.signatures {
			b.forget(s)
		}
		b.outbox.dropEra(EraKey{rt.totals.Route, last.Number})
	}
	if len(rt.eras) < 3 {
		return
	}
	old := rt.eras[2]
	old.Noise.Doubtful = nil // nothing comes to it any more
	for _, name := range old.surplus(trimmed) {
		b.forget(old.signatures[name])
		delete(old.signatures, name)
		b.outbox.dropSignature(SignatureKey{EraKey{rt.totals.Route, old.Number}, name})
	}
}

// forget takes a signature and its samples out of the totals.
func (b *Book) forget(s *signature) {
	b.signatures.Add(-1)
	for _, slot := range s.slots {
		b.sampleBytes.Add(-int64(slot.size))
	}
	s.slots = nil
}
