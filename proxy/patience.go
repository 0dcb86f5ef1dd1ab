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
// The alarm is not touched while data flows: whoever waits notes since when,
// and the alarm, when it rings, looks whether that is too long.
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

// alarm is a timer that serves one exchange after the other.
type alarm struct {
	*time.Timer
	of atomic.Pointer[patience]
}

// alarms are those of one target that serve none at the moment.
type alarms struct{ pool sync.Pool }

func (as *alarms) get(p *patience) *alarm {
	a, _ := as.pool.Get().(*alarm)
	if a == nil {
		a = new(alarm)
		a.Timer = time.AfterFunc(1<<62, func() {
			if p := a.of.Load(); p != nil {
				p.look()
			}
		})
	}
	a.of.Store(p)
	return a
}

// put takes an alarm back, but not one that may just be ringing.
func (as *alarms) put(a *alarm) {
	a.of.Store(nil)
	if a.Stop() {
		as.pool.Put(a)
	}
}

// epoch makes times into monotonic numbers that are never 0.
var epoch = time.Now().Add(-time.Second)

func sinceEpoch() int64 { return int64(time.Since(epoch)) }

// begin starts the wait for the head.
func (p *patience) begin(a *alarms, limit time.Duration, cancel context.CancelCauseFunc) {
	p.cancel = cancel
	p.limit.Store(int64(limit))
	p.head.Store(sinceEpoch())
	p.alarm = a.get(p)
	p.alarm.Reset(limit)
}

// answered ends the wait for the head; the body may then be silent for limit, 0
// meaning forever.
func (p *patience) answered(limit time.Duration) {
	before := p.limit.Swap(int64(limit))
	p.answering.Store(true)
	if limit != 0 && int64(limit) < before {
		p.alarm.Reset(limit)
	}
}

// end ends all waiting.
func (p *patience) end(a *alarms) {
	p.limit.Store(0)
	a.put(p.alarm)
}

// look runs when the alarm rings.
func (p *patience) look() {
	limit := p.limit.Load()
	if limit == 0 {
		return
	}
	since, cause := &p.head, errNoHead
	if p.answering.Load() {
		since, cause = &p.body, errSilent
	}
	rest := limit
	if from := since.Load(); from != 0 {
		rest -= sinceEpoch() - from
	}
	if rest <= 0 {
		p.cancel(cause)
		return
	}
	p.alarm.Reset(time.Duration(rest))
}
