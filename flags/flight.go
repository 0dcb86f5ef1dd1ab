package flags

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// flight is one evaluation under way, for all who wait for it.
type flight struct{ done chan struct{} }

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

// here asks the local sources that come first, in the caller's goroutine. It
// returns nil when none of them has the flag and others may.
func (e *Evaluator) here(ctx context.Context, to *entry, before *known, now time.Time) *known {
	k := e.evaluate(ctx, &to.query, before, now, e.sources[:e.remote])
	if k.answer.Err == ErrFlagNotFound && e.remote < len(e.sources) {
		return nil
	}
	to.known.Store(k)
	return k
}

// launch joins the entry's flight or starts one. The error says why there is
// none.
func (e *Evaluator) launch(ctx context.Context, to *entry) (*flight, ErrorKind) {
	if f := to.flight.Load(); f != nil {
		return f, ""
	}
	if !e.sources[e.remote].mayAsk() {
		return nil, ErrGeneral
	}
	f := &flight{done: make(chan struct{})}
	if !to.flight.CompareAndSwap(nil, f) {
		if other := to.flight.Load(); other != nil {
			return other, ""
		}
		return nil, ErrBusy // ended this very moment; the next request sees its answer
	}
	select {
	case e.slots <- struct{}{}:
	default:
		to.flight.Store(nil)
		close(f.done)
		return nil, ErrBusy
	}
	span := trace.SpanFromContext(ctx)
	if !e.spawn(func() { e.fly(span, to, f) }) { //nolint:contextcheck // the evaluation outlives the request that asks first
		e.land(to, f)
		return nil, ErrNotReady
	}
	return f, ""
}

// fly evaluates for the entry until it is done or the time is over, on the span
// of the request that came first.
func (e *Evaluator) fly(span trace.Span, to *entry, f *flight) {
	defer e.land(to, f)
	ctx, cancel := context.WithTimeout(trace.ContextWithSpan(e.background, span), e.options.Timeout)
	defer cancel()
	to.known.Store(e.evaluate(ctx, &to.query, to.known.Load(), e.now(), e.sources))
}

// land ends a flight.
func (e *Evaluator) land(to *entry, f *flight) {
	to.flight.Store(nil)
	close(f.done)
	<-e.slots
}

// evaluate asks the sources in their order. The first that has the flag, or
// cannot say, ends it.
func (e *Evaluator) evaluate(ctx context.Context, q *Query, before *known, now time.Time, sources []*source) *known {
	k := &known{version: e.version.Load(), at: now, answer: failed(ErrFlagNotFound)}
	for i, s := range sources {
		var message string
		k.reach = i + 1
		k.answer, message = s.ask(ctx, q)
		s.observe(k.answer.Err, message)
		if k.answer.Err != ErrFlagNotFound {
			break
		}
	}
	k.outcome = k.answer.outcome()
	switch {
	case k.answer.Err == "":
		k.good, k.goodAt = &k.answer, now
	case k.answer.Err.settled(): // what was known before is known to be wrong
	case before != nil:
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
