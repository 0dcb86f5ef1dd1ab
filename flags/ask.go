package flags

import (
	"context"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// verdict says what to do with what is known.
type verdict uint8

const (
	enough   verdict = iota // use it
	renew                   // use it, and ask anew in the background
	askFirst                // ask, wait, and use it only when that fails
)

// ask answers what the cache alone cannot; asked tells whether anything had to
// be evaluated for it.
func (e *Evaluator) ask(ctx context.Context, q *Query, hash uint64, k *known, wait time.Duration) (a Answer, asked bool) {
	now := e.now()
	a, next := e.judge(k, now)
	if next == enough {
		return a, false
	}
	if e.remote > 0 {
		if after := e.here(ctx, q, hash, k, now); after.answer != nil {
			return e.final(&after, now), true
		}
	}
	f, err := e.launch(ctx, q, hash)
	switch {
	case next == renew:
		return a, true
	case err != "":
		return e.last(k, now, failed(err)), true
	case !f.wait(ctx, wait):
		before := e.cache.get(hash)
		return e.last(&before, now, failed(ErrTimeout)), true
	}
	return e.final(&f.result, now), true
}

func (e *Evaluator) begun(k *known) time.Time { return e.began.Add(k.at) }

// judge says what an outcome is worth now.
func (e *Evaluator) judge(k *known, now time.Time) (Answer, verdict) {
	if k.answer == nil || k.version != e.version.Load() {
		return Answer{}, askFirst
	}
	if k.answer.Err != "" && !k.answer.Err.settled() {
		if now.Sub(e.begun(k)) < e.options.Retry {
			return e.last(k, now, k.answer.Answer), enough
		}
		if a := e.last(k, now, k.answer.Answer); a.Err == "" {
			return a, renew
		}
		return Answer{}, askFirst
	}
	age, fresh := e.age(k, now)
	if fresh {
		return k.answer.Answer, enough
	}
	if age > e.options.MaxAge {
		return Answer{}, askFirst
	}
	a := k.answer.Answer
	a.Stale, a.Age = true, age
	if k.reach <= e.remote { // the rules are here; asking them again tells nothing new
		return a, enough
	}
	return a, renew
}

// final is what an outcome is worth when nothing more can be asked.
func (e *Evaluator) final(k *known, now time.Time) Answer {
	if k.answer == nil {
		return failed(ErrGeneral)
	}
	if k.answer.Err != "" && !k.answer.Err.settled() {
		return e.last(k, now, k.answer.Answer)
	}
	age, fresh := e.age(k, now)
	switch {
	case fresh:
		return k.answer.Answer
	case age > e.options.MaxAge:
		return failed(ErrTooOld)
	}
	a := k.answer.Answer
	a.Stale, a.Age = true, age
	return a
}

// last is the last known good answer, when it is not too old, else the
// error.
func (e *Evaluator) last(k *known, now time.Time, otherwise Answer) Answer {
	if k.good == nil {
		return otherwise
	}
	age := now.Sub(e.heldUntil(k))
	if age > e.options.MaxAge {
		return failed(ErrTooOld)
	}
	a := k.good.Answer
	a.Stale, a.Age = true, age
	return a
}

// heldUntil is the time until which the last good answer was right for sure: a
// source that tells of changes vouched for it until it told of one or was lost.
func (e *Evaluator) heldUntil(k *known) time.Time {
	good := e.began.Add(k.goodAt)
	for _, s := range e.sources[:k.reach] {
		if !s.traits.tells || k.good != k.answer {
			return good
		}
	}
	until := good
	if k.version+1 == e.version.Load() {
		until = time.Unix(0, e.changed.Load())
	}
	for _, s := range e.sources[:k.reach] {
		if lost := s.state.Load().lost; !lost.IsZero() && lost.Before(until) {
			until = lost
		}
	}
	if until.Before(good) {
		return good
	}
	return until
}

// age is how long ago an answer was last right for sure, and whether nothing
// newer needs to be known.
func (e *Evaluator) age(k *known, now time.Time) (age time.Duration, fresh bool) {
	fresh = true
	for _, s := range e.sources[:k.reach] {
		st := s.state.Load()
		var old time.Duration
		switch {
		case s.traits.tells && st.State == openfeature.ReadyState:
		case s.traits.local && !st.lost.IsZero():
			// Whenever it was evaluated, the rules are those of then.
			old, fresh = now.Sub(st.lost), false
		case s.traits.tells && st.lost.After(e.begun(k)):
			old, fresh = now.Sub(st.lost), false
		default:
			old = now.Sub(e.begun(k))
			fresh = fresh && !s.traits.tells && old < e.options.Fresh
		}
		age = max(age, old)
	}
	return age, fresh
}
