package proxy

import (
	"context"
	"sync/atomic"
	"time"
)

// patience ends an exchange whose target keeps us waiting: first for the head
// of its answer, then for more of its body. Only waiting for the target
// counts, not for a slow client on either side.
//
// The timer is not touched while data flows: whoever waits notes since when,
// and the timer, when it fires, looks whether that is too long.
type patience struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	// limit is the longest wait in the present phase; 0: forever.
	limit atomic.Int64
	// Since when the target owes the head, or more of the body, as time since
	// epoch; 0: nobody waits for it.
	head, body atomic.Int64
	answering  atomic.Bool
}

// epoch makes times into monotonic numbers that are never 0.
var epoch = time.Now().Add(-time.Second)

func sinceEpoch() int64 { return int64(time.Since(epoch)) }

// begin starts the wait for the head.
func (p *patience) begin(limit time.Duration, cancel context.CancelCauseFunc) {
	p.cancel = cancel
	p.limit.Store(int64(limit))
	p.head.Store(sinceEpoch())
	p.timer = time.AfterFunc(1<<62, p.look)
	p.timer.Reset(limit) // not before p.timer is there for look
}

// answered ends the wait for the head; the body may then be silent for limit, 0
// meaning forever.
func (p *patience) answered(limit time.Duration) {
	before := p.limit.Swap(int64(limit))
	p.answering.Store(true)
	switch {
	case limit == 0:
		p.timer.Stop()
	case int64(limit) < before:
		p.timer.Reset(limit)
	}
}

// end stops the timer for good.
func (p *patience) end() {
	p.limit.Store(0)
	p.timer.Stop()
}

// look runs when the timer fires.
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
	p.timer.Reset(time.Duration(rest))
}
