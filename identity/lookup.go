package identity

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// flight is one lookup under way, for all who wait for it. person is set before
// done is closed.
type flight struct {
	done   chan struct{}
	landed atomic.Bool
	asked  atomic.Bool // it had its turn: the store is being asked
	judged atomic.Bool
	judge  func(error) // the breaker's; set before asked
	person *Person
}

// reasonPlaces are the places of reasons in session.Reasons.
var reasonPlaces = session.Reasons()

func place(reason session.Reason) int { return max(0, slices.Index(reasonPlaces, reason)) }

// await joins the entry's lookup or starts one.
func (r *Resolver) await(ctx context.Context, e *entry, value string, now time.Time) *Person {
	f, otherwise := r.launch(e, value, now) //nolint:contextcheck // a lookup is nobody's own: it outlives the request that asks first
	if f == nil {
		return r.settled[place(otherwise)]
	}
	timer := time.NewTimer(r.options.Wait)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.person
	case <-timer.C:
	case <-ctx.Done():
	}
	return r.settled[place(session.TimedOut)]
}

// launch answers the lookup under way for the entry, or starts one; without one
// the reason says why.
func (r *Resolver) launch(e *entry, value string, now time.Time) (*flight, session.Reason) {
	f := e.flight.Load()
	if f != nil {
		return f, ""
	}
	if r.breaker.State() == gobreaker.StateOpen || r.suspects.rests(&e.key, now) {
		r.count(session.Resting)
		return nil, session.Resting
	}
	f = &flight{done: make(chan struct{})}
	for !e.flight.CompareAndSwap(nil, f) {
		if other := e.flight.Load(); other != nil {
			return other, ""
		}
	}
	if k, at := e.known.Load(), r.at(now); k.good(at) && at <= k.refresh { // others were faster
		f.landed.Store(true)
		f.person = k
		e.flight.Store(nil)
		close(f.done)
		return f, ""
	}
	r.flights.Go(func() { r.fly(e, f, value) })
	return f, ""
}

// fly looks a session up. It ends with the wait, also when the reader does not:
// a file system that hangs keeps a slot, but no request.
func (r *Resolver) fly(e *entry, f *flight, value string) {
	start := r.options.Now()
	ctx, cancel := context.WithTimeout(r.context, r.options.Wait)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		reason := session.Busy
		if f.asked.Load() {
			reason = session.TimedOut
		}
		r.land(e, f, r.settled[place(reason)], 0, start)
	})
	defer stop()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return
	}
	var err error
	if f.judge, err = r.breaker.Allow(); err != nil {
		r.land(e, f, r.settled[place(session.Resting)], 0, start)
		return
	}
	f.asked.Store(true)
	if f.landed.Load() { // too late for this one
		f.verdict(errNotAsked)
		return
	}
	found := r.look(ctx, value)
	r.land(e, f, newPerson(found, token.NewSessionID(r.options.Secret, value)), found.Keep, start)
}

// look asks the reader, which parses what others wrote.
func (r *Resolver) look(ctx context.Context, value string) (found session.Outcome) {
	defer func() {
		if broken := recover(); broken != nil {
			// The panic's value may have the session in it.
			found = session.Unknown(session.Undecodable, fmt.Errorf("reading the session panicked: %T", broken))
		}
	}()
	return r.options.Reader.Open(ctx, value)
}

var errStore = errors.New("the store failed")

// failed says that a lookup came to nothing, by the store or the session's own
// fault. It is not kept.
func failed(found session.Outcome) bool {
	return found.State == session.Unavailable && (found.Reason == session.StoreFailed || found.Reason == session.TimedOut)
}

// failure is the store's, which the breaker counts; nil for everything else. Who can
// break a session of their own must not stop the lookups of all.
func failure(found session.Outcome) error {
	if _, own := errors.AsType[session.OwnError](found.Err); failed(found) && !own {
		return errStore
	}
	return nil
}

// errNotAsked is no verdict on the store.
var errNotAsked = errors.New("not asked")

// verdict tells the breaker, once.
func (f *flight) verdict(err error) {
	if f.judged.CompareAndSwap(false, true) {
		f.judge(err)
	}
}

// land ends a flight; the first word counts. most is how long its source says that
// it may be kept, as in [session.Outcome].
func (r *Resolver) land(e *entry, f *flight, p *Person, most time.Duration, start time.Time) {
	if !f.landed.CompareAndSwap(false, true) {
		return
	}
	if f.asked.Load() {
		f.verdict(r.suspects.judge(e.key, p.outcome(), r.options.Now()))
	}
	r.count(p.Reason)
	r.note(p.outcome())
	r.forged.count(r, p.Reason == session.BadSignature)
	if r.keep(p, most, start) {
		if before := e.known.Load(); before != nil && p.Prepared != nil {
			p.Prepared.Adopt(before.Prepared)
		}
		e.known.Store(p)
	}
	f.person = p
	e.flight.Store(nil)
	close(f.done)
}

// keep says how long an answer counts, from when it was asked for; false: not at
// all. Times differ a little, so that sessions that were looked up together are
// not so again, and none is above the bound.
func (r *Resolver) keep(p *Person, most time.Duration, start time.Time) bool {
	long := r.options.Bound
	switch {
	case failed(p.outcome()), p.Reason == session.Busy, p.Reason == session.Resting, most < 0:
		return false
	case p.State != session.Known:
		long = min(long, negative)
	}
	if most > 0 {
		long = min(long, most)
	}
	long -= rand.N(long/4 + 1)
	if p.Prepared != nil && !p.Prepared.End().IsZero() {
		long = min(long, p.Prepared.End().Sub(start))
	}
	p.until = r.at(start) + long
	// Who comes often never waits: a new lookup begins before the end. What is
	// nobody's is asked for again when it is over, not before.
	if p.refresh = p.until; p.State == session.Known {
		p.refresh = r.at(start) + long*3/4
	}
	return true
}

func (r *Resolver) count(reason session.Reason) { r.counts[place(reason)].Add(1) }
