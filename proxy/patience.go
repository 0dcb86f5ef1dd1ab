package proxy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// patience ends an exchange whose target keeps us waiting: first for the head
// of its answer, then for more of its body. Only waiting for the target
// counts, not for a slow client on either side.
//
// No timer is touched while data flows: whoever waits notes since when, and the
// alarm, when it rings, looks whether that is too long.
type patience struct {
	cancel context.CancelCauseFunc
	alarm  *alarm
	// limit is the longest wait in the present phase; 0: forever.
	limit atomic.Int64
	// Since when the target owes the head, or more of the body, as time since
	// epoch; 0: nobody waits for it.
	head, body atomic.Int64
	answering  atomic.Bool
}

// alarm is a timer that serves one exchange after the other. It goes on when an
// exchange ends, so that most exchanges need not set it at all.
type alarm struct {
	mu    sync.Mutex
	timer *time.Timer
	due   int64 // since epoch; 0: not set
	of    *patience
}

// alarms are those of one target that serve none at the moment.
type alarms struct{ pool sync.Pool }

// get gives p an alarm that rings when limit is over, or earlier.
func (as *alarms) get(p *patience, now int64, limit time.Duration) *alarm {
	a, _ := as.pool.Get().(*alarm)
	if a == nil {
		a = new(alarm)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of = p
	a.set(now, limit)
	return a
}

func (as *alarms) put(a *alarm) {
	a.mu.Lock()
	a.of = nil
	a.mu.Unlock()
	as.pool.Put(a)
}

// set makes the alarm ring after limit unless it does so earlier anyway.
func (a *alarm) set(now int64, limit time.Duration) {
	due := now + int64(limit)
	switch {
	case a.due != 0 && a.due <= due:
		return
	case a.timer == nil:
		a.timer = time.AfterFunc(limit, a.ring)
	default:
		a.timer.Reset(limit)
	}
	a.due = due
}

func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.due = 0
	if a.of == nil {
		return
	}
	now := sinceEpoch()
	if rest := a.of.look(now); rest > 0 {
		a.set(now, rest)
	}
}

// epoch makes times into monotonic numbers that are never 0.
var epoch = time.Now().Add(-time.Second)

func sinceEpoch() int64 { return int64(time.Since(epoch)) }

// begin starts the wait for the head.
func (p *patience) begin(as *alarms, limit time.Duration, cancel context.CancelCauseFunc) {
	now := sinceEpoch()
	p.cancel = cancel
	p.limit.Store(int64(limit))
	p.head.Store(now)
	p.alarm = as.get(p, now, limit)
}

// answered ends the wait for the head; the body may then be silent for limit, 0
// meaning forever.
func (p *patience) answered(limit time.Duration) {
	p.answering.Store(true) // first: the wait for the head must not be held against limit
	before := p.limit.Swap(int64(limit))
	if limit != 0 && int64(limit) < before {
		p.alarm.mu.Lock()
		defer p.alarm.mu.Unlock()
		p.alarm.set(sinceEpoch(), limit)
	}
}

// end ends all waiting.
func (p *patience) end(as *alarms) { as.put(p.alarm) }

// look ends the exchange if it has waited too long. Otherwise it says when to
// look again; 0: never.
func (p *patience) look(now int64) time.Duration {
	limit := p.limit.Load()
	if limit == 0 {
		return 0
	}
	since, cause := &p.head, errNoHead
	if p.answering.Load() {
		since, cause = &p.body, errSilent
	}
	rest := limit
	if from := since.Load(); from != 0 {
		rest -= now - from
	}
	if rest <= 0 {
		p.cancel(cause)
		return 0
	}
	return time.Duration(rest)
}
