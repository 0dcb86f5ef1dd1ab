package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/strangler-proxy/strangler/routes"
)

// breaker stops asking a target that is down.
//
// It is gobreaker's. failsafe-go's costs less per request (70 ns against 250,
// both without allocation; a forwarded request is 40 µs), but it lets an answer
// from before it opened close it again, and a trial whose client left is never
// given back.
//
// An exchange is a failure when there is no answer, when the answer says that
// the target is unwell, and when it breaks off. It is a success when the answer
// has come to its end, or at the head of a stream (see becomeStream), which may
// have none. Nothing is waited for longer than the breaker is open for: then an
// answer whose body is coming is a success, and any other trial, such as a slow
// report, is given back so that the next request tries; a failure later on
// counts all the same.
//
// A target without a failure since its last success is asked without the
// breaker: one more success would change nothing.
type breaker = gobreaker.TwoStepCircuitBreaker[struct{}]

// newBreaker calls changed at each change of state.
func newBreaker(name string, b routes.Breaker, changed func(to gobreaker.State)) *breaker {
	failures := uint32(min(orDefault(b.Failures, defaultFailures), maxFailures))
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:          name,
		MaxRequests:   1,
		Timeout:       orDefault(b.OpenFor, defaultOpenFor),
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		OnStateChange: func(_ string, _, to gobreaker.State) { changed(to) },
		IsExcluded:    func(err error) bool { return err != nil && !countsAgainst(err) },
	})
}

// countsAgainst reports whether err is the target's fault.
func countsAgainst(err error) bool {
	var f *Failure
	return !errors.As(err, &f) || f.Kind != KindClient && f.Kind != KindCanceled
}

// undecided is the verdict on a trial that takes too long to wait for it.
var undecided = &Failure{Kind: KindCanceled, Status: StatusClientClosedRequest, Err: errors.New("not known yet")}

// unwell are the answers that count as failures of the target as a whole. A 500
// does not: one page with a bug must not take the others' service away.
func unwell(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// admit asks the breaker, if it is to be asked.
func (x *exchange) admit() *Failure {
	t := x.target
	if t.breaker == nil || !t.troubled.Load() {
		return nil
	}
	open := &Failure{Kind: KindOpen, Status: http.StatusServiceUnavailable, Err: errOpen}
	if hasBody(x.in) && t.wantsQuickTrial() {
		return open
	}
	done, err := t.breaker.Allow()
	if err != nil {
		return open
	}
	x.admitted = sinceEpoch()
	x.verdict.Store(&done)
	x.patience.ring(x.admitted, t.openFor)
	return nil
}

// wantsQuickTrial reports whether the breaker's one trial is kept for a request
// without a body: a client that sends its body slowly could otherwise keep a
// target that is well again from everybody else. When no such request has come
// for as long as the breaker was open, any may be the trial.
func (t *Target) wantsQuickTrial() bool {
	return t.breaker.State() == gobreaker.StateHalfOpen && sinceEpoch()-t.halfOpen.Load() < int64(t.openFor)
}

// judge tells the breaker how the exchange went, if it waits for that: the
// first word counts.
func (x *exchange) judge(err error) bool {
	if x.verdict.Load() == nil {
		return false
	}
	done := x.verdict.Swap(nil)
	if done == nil {
		return false
	}
	(*done)(err)
	if err == nil {
		x.target.recovered()
	}
	return true
}

// judgeInTime is judge for a trial that takes longer than others can wait. It
// says when to look again; 0: never.
func (x *exchange) judgeInTime(now int64) time.Duration {
	if x.verdict.Load() == nil {
		return 0
	}
	if rest := x.admitted + int64(x.target.openFor) - now; rest > 0 {
		return time.Duration(rest)
	}
	p := &x.patience
	since := p.body.Load()
	if p.answering.Load() && (since == 0 || now-since < int64(time.Second)) {
		x.judge(nil)
		return 0
	}
	x.judge(undecided)
	return 0
}

// failed notes a failure, one for each exchange. A stream that breaks off is
// none for the breaker: it may have had no other end.
func (x *exchange) failed(f *Failure) {
	if !countsAgainst(f) {
		x.judge(f)
		return
	}
	x.target.record(f)
	if !x.stream && !x.struck && !x.judge(f) {
		x.target.strike(f)
	}
	x.struck = true
}

// strike counts a failure that nobody asked the breaker for.
func (t *Target) strike(f *Failure) {
	if t.breaker == nil {
		return
	}
	t.troubled.Store(true)
	if done, err := t.breaker.Allow(); err == nil {
		done(f)
	}
}

// recovered takes the breaker out of the way after a success, if it says so
// itself: a success that was asked for before the breaker opened proves nothing.
func (t *Target) recovered() {
	if !t.untroubled() {
		return
	}
	t.troubled.Store(false)
	if !t.untroubled() { // a failure came between
		t.troubled.Store(true)
	}
}

// untroubled reports whether the breaker is closed and counts no failure.
func (t *Target) untroubled() bool {
	return t.breaker.State() == gobreaker.StateClosed && t.breaker.Counts().ConsecutiveFailures == 0
}
