package proxy

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// patience ends an exchange whose target keeps us waiting: first for the head
// of its answer, then for more of its body. Only waiting for the target
// counts, not for a slow client on either side. It also ends one whose client
// sends its body too slowly; see bodyGrace.
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
	// grace is how long the client may keep us waiting for its body; 0: forever.
	grace int64
	// client is since when it does, as time since epoch; 0: it does not, cut: it
	// did for too long.
	client atomic.Int64
	// used is how much of its grace the client had used before.
	used atomic.Int64
}

// cut is no time since epoch.
const cut = math.MinInt64

// alarm is a timer that serves one exchange after the other. It goes on when an
// exchange ends, so that most exchanges need not set it at all.
type alarm struct {
	mu    sync.Mutex
	timer *time.Timer
	due   int64 // since epoch; 0: not set
	of    *exchange
}

// alarms are those of one target that serve none at the moment.
type alarms struct{ pool sync.Pool }

// get gives x an alarm that rings when limit is over, or earlier.
func (as *alarms) get(x *exchange, now int64, limit time.Duration) *alarm {
	a, _ := as.pool.Get().(*alarm)
	if a == nil {
		a = new(alarm)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of = x
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
func (x *exchange) begin(limit time.Duration, cancel context.CancelCauseFunc) {
	p, now := &x.patience, sinceEpoch()
	p.cancel = cancel
	p.limit.Store(int64(limit))
	p.head.Store(now)
	p.grace = int64(x.grace())
	if p.grace != 0 {
		limit = min(limit, time.Duration(p.grace))
	}
	p.alarm = x.target.alarms.get(x, now, limit)
}

// awaitClient notes that the client, not the target, has to say something now.
func (p *patience) awaitClient() {
	p.head.Store(0)
	p.client.Store(sinceEpoch())
}

// heardClient notes that it said n bytes; false: it took too long.
func (p *patience) heardClient(n int) bool {
	since := p.client.Swap(0)
	if since == cut {
		return false
	}
	now := sinceEpoch()
	p.used.Store(max(0, p.used.Load()+now-since-int64(n)*int64(time.Second)/bodyRate))
	p.head.Store(now)
	return true
}

// answered ends the wait for the head; the body may then be silent for limit, 0
// meaning forever.
func (p *patience) answered(limit time.Duration) {
	p.answering.Store(true) // first: the wait for the head must not be held against limit
	before := p.limit.Swap(int64(limit))
	if limit != 0 && int64(limit) < before {
		p.ring(sinceEpoch(), limit)
	}
}

// ring makes the alarm ring after limit, or earlier.
func (p *patience) ring(now int64, limit time.Duration) {
	p.alarm.mu.Lock()
	defer p.alarm.mu.Unlock()
	p.alarm.set(now, limit)
}

// end ends all waiting.
func (p *patience) end(as *alarms) { as.put(p.alarm) }

// look ends the exchange if it has waited too long, and the breaker's wait for
// it. It says when to look again; 0: never.
func (x *exchange) look(now int64) time.Duration {
	rest, trial := x.lookAtAll(now), x.judgeInTime(now)
	if rest == 0 || trial == 0 {
		return rest + trial
	}
	return min(rest, trial)
}

// lookAtAll ends the exchange if it has waited too long. Otherwise it says when
// to look again; 0: never.
func (x *exchange) lookAtAll(now int64) time.Duration {
	p := &x.patience
	limit := p.limit.Load()
	if limit == 0 {
		return 0
	}
	if p.answering.Load() {
		return p.lookAt(&p.body, limit, now, errSilent)
	}
	rest := p.lookAt(&p.head, limit, now, errNoHead)
	if rest == 0 || p.grace == 0 {
		return rest
	}
	return min(rest, x.lookAtClient(now))
}

// lookAt ends the exchange if it has waited for limit since a time.
func (p *patience) lookAt(since *atomic.Int64, limit, now int64, cause error) time.Duration {
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

// lookAtClient ends the exchange if its client has used up its grace.
func (x *exchange) lookAtClient(now int64) time.Duration {
	p := &x.patience
	since := p.client.Load()
	rest := p.grace - p.used.Load()
	if since != 0 {
		rest -= now - since
	}
	switch {
	case since == cut:
		return 0
	case rest > 0:
		return time.Duration(rest)
	case since != 0 && p.client.CompareAndSwap(since, cut):
		x.cutUpload()
		return 0
	}
	return time.Second // it said something just now; see whether it goes on
}
