package flags

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// flight is one evaluation under way, for all who wait for it.
type flight struct {
	done   chan struct{}
	result known // once done is closed
}

// flights are those under way, by the hash of their question.
type flights struct {
	mu  sync.Mutex
	now map[uint64]*flight
}

// wait reports whether the flight ended in time.
func (f *flight) wait(ctx context.Context, longest time.Duration) bool {
	if longest == 0 {
		select {
		case <-f.done:
			return true
		default:
			return false
		}
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-f.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// here asks the local sources that come first, in the caller's goroutine. There
// is no answer when none of them has the flag and others may.
func (e *Evaluator) here(ctx context.Context, q *Query, hash uint64, before *known, now time.Time) known {
	own := q.clone()
	k := e.evaluate(ctx, &own, before, now, e.sources[:e.remote])
	if k.answer.Err == ErrFlagNotFound && e.remote < len(e.sources) {
		return known{}
	}
	e.cache.put(hash, &k)
	return k
}

// launch joins a question's flight or starts one. The error says why there is
// none.
func (e *Evaluator) launch(ctx context.Context, q *Query, hash uint64) (*flight, ErrorKind) {
	f, joined, err := e.board(hash)
	if joined || err != "" {
		return f, err
	}
	own, span := q.clone(), trace.SpanFromContext(ctx)
	if !e.spawn(func() { e.fly(span, &own, hash, f) }) { //nolint:contextcheck // the evaluation outlives the request that asks first
		e.land(hash, f)
		return nil, ErrNotReady
	}
	return f, ""
}

// board finds the question's flight, or makes one that nobody flies yet.
func (e *Evaluator) board(hash uint64) (f *flight, joined bool, err ErrorKind) {
	e.flights.mu.Lock()
	defer e.flights.mu.Unlock()
	if f = e.flights.now[hash]; f != nil {
		return f, true, ""
	}
	if !e.sources[e.remote].mayAsk() {
		return nil, false, ErrGeneral
	}
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, false, ErrBusy
	}
	f = &flight{done: make(chan struct{})}
	e.flights.now[hash] = f
	return f, false, ""
}

// fly evaluates until that is done or the time is over, on the span of the
// request that came first.
func (e *Evaluator) fly(span trace.Span, q *Query, hash uint64, f *flight) {
	defer e.land(hash, f)
	ctx, cancel := context.WithTimeout(trace.ContextWithSpan(e.background, span), e.options.Timeout)
	defer cancel()
	before := e.cache.get(hash)
	f.result = e.evaluate(ctx, q, &before, e.now(), e.sources)
	e.cache.put(hash, &f.result)
}

// land ends a flight.
func (e *Evaluator) land(hash uint64, f *flight) {
	e.flights.mu.Lock()
	delete(e.flights.now, hash)
	e.flights.mu.Unlock()
	close(f.done)
	<-e.slots
}

// evaluate asks the sources in their order. The first that has the flag, or
// cannot say, ends it.
func (e *Evaluator) evaluate(ctx context.Context, q *Query, before *known, now time.Time, sources []*source) known {
	k, answer := known{version: e.version.Load(), at: now.Sub(e.began)}, failed(ErrFlagNotFound)
	for i, s := range sources {
		var message string
		k.reach = i + 1
		answer, message = s.ask(ctx, q)
		s.observe(answer.Err, message)
		if answer.Err != ErrFlagNotFound {
			break
		}
	}
	k.answer = e.cache.book.keep(answer)
	switch {
	case answer.Err == "":
		k.good, k.goodAt = k.answer, k.at
	case answer.Err.settled(): // what was known before is known to be wrong
	default:
		k.good, k.goodAt = before.good, before.goodAt
	}
	return k
}

// ask evaluates the flag in one source; message says more of an error.
func (s *source) ask(ctx context.Context, q *Query) (a Answer, message string) {
	defer func() {
		if r := recover(); r != nil { // a provider is another's code
			a, message = failed(ErrGeneral), fmt.Sprint("the provider panicked: ", r)
		}
	}()
	details, err := s.client.BooleanValueDetails(ctx, q.Flag, false, q.context())
	if err != nil {
		a = failed(kindOf(details.ErrorCode))
		a.Source = s.Name
		return a, err.Error()
	}
	return Answer{
		Value: details.Value, Variant: details.Variant, Reason: string(details.Reason), Source: s.Name,
	}, ""
}
