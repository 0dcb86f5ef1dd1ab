package shadow

import (
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Mirror samples the requests of one route. A nil Mirror samples none.
type Mirror struct {
	all  *Mirrors
	salt []byte // of the hash, see newSalt

	plan  atomic.Pointer[plan] // nil when the route is not mirrored any more
	last  atomic.Pointer[plan] // the last one there was
	queue chan *Exchange
	room  atomic.Int64 // places of it that are of use, see useful
	crew  atomic.Int64 // workers

	seen, sampled, extra, again, panics atomic.Uint64
	open, inFlight                      atomic.Int64
	buckets                             [Buckets]atomic.Uint64
	lost                                [losses]atomic.Uint64

	rare   rarity
	extras allowance // for rare requests
	peeks  allowance // for common ones, whose answers may be rare
	asking againBudget
	short  atomic.Int64 // when the budget last had nothing for a difference, in nanoseconds
	twin   twinHealth
	proof  proof
	quiet  silence
}

// plan is how a route is mirrored while its settings do not change. Requests
// keep the one that they came with.
type plan struct {
	Settings
	arm      routes.Arm // that is to serve
	comparer *diff.Comparer
	monolith side
	service  side
	control  side
	life     life
}

// side is a target in its role for a route.
type side struct {
	*client
	build    string
	monolith bool
}

// known tells whether the side can be asked.
func (s *side) known() bool { return s.client != nil }

// shadow is the side that is asked, primary the one that serves.
func (p *plan) shadow() *side {
	if p.Reverse {
		return &p.monolith
	}
	return &p.service
}

// twin is who is asked a second time in the monolith's name.
func (p *plan) twin() *side {
	if p.control.known() {
		return &p.control
	}
	return &p.monolith
}

func newMirror(all *Mirrors, route string) *Mirror {
	m := &Mirror{
		all:   all,
		salt:  newSalt(all.options.Key, route),
		queue: make(chan *Exchange, all.options.Queue),
	}
	m.room.Store(int64(all.options.Queue))
	m.extras.perSecond, m.extras.burst = all.options.ExtraPerSecond, extraBurst
	m.peeks.perSecond, m.peeks.burst = all.options.ExtraPerSecond, extraBurst
	m.asking.perSecond.perSecond, m.asking.perSecond.burst = all.options.AgainPerSecond, againBurst
	m.asking.share = all.options.AgainShare
	m.proof.stopped = func() (string, time.Time, bool) { return all.options.Stops.Stopped(route) }
	return m
}

// Bursts of the allowances.
const (
	extraBurst = 10
	againBurst = 20
)

// linger is how long a worker waits for more before it goes home.
const linger = 5 * time.Second

// submit puts an exchange into the queue, or drops it.
func (m *Mirror) submit(x *Exchange) {
	if why := x.cutOff(); why != lossNone {
		m.drop(x, why)
		return
	}
	select {
	case m.queue <- x:
		m.hire(x.plan.InFlight)
	default:
		m.drop(x, lossQueue)
	}
	if m.all.closed.Load() {
		m.drain() // nobody else will
	}
}

func (m *Mirror) drop(x *Exchange, why loss) {
	m.lose(why, x.extra)
	x.free()
}

// drain drops what waits.
func (m *Mirror) drain() {
	for {
		select {
		case x := <-m.queue:
			m.drop(x, lossClosed)
		default:
			return
		}
	}
}

// hire starts one more worker unless there are enough.
func (m *Mirror) hire(most int) {
	for n := m.crew.Load(); n < int64(most) && int64(len(m.queue)) > 0; n = m.crew.Load() {
		if m.crew.CompareAndSwap(n, n+1) {
			if !m.all.start(m.work) {
				m.crew.Add(-1)
			}
			return
		}
	}
}

// work takes requests out of the queue until there have been none for a while.
func (m *Mirror) work() {
	idle := time.NewTimer(linger)
	defer idle.Stop()
	for {
		select {
		case <-m.all.quit:
			m.crew.Add(-1)
			return
		default:
		}
		select {
		case x := <-m.queue:
			m.take(x)
			idle.Reset(linger)
		case <-m.all.quit:
			m.crew.Add(-1)
			return
		case <-idle.C:
			m.crew.Add(-1)
			// One may have come between the two.
			m.hire(1)
			return
		}
	}
}

// take compares what has waited, unless that was too long.
func (m *Mirror) take(x *Exchange) {
	why := x.stale()
	m.useful(x.plan.InFlight, why)
	if why != lossNone {
		m.drop(x, why)
		return
	}
	if !x.open() {
		m.drop(x, lossMemory)
		return
	}
	m.inFlight.Add(1)
	start := m.all.now()
	m.handle(x)
	if worked := m.all.options.Worked; worked != nil {
		worked(x.plan.Route, m.all.now().Sub(start))
	}
	m.inFlight.Add(-1)
}

// Status is how the mirroring goes.
func (m *Mirror) Status() Status {
	p := m.last.Load()
	s := Status{
		Route: p.Route, Reverse: p.Reverse,
		Seen: m.seen.Load(), Sampled: m.sampled.Load(), Extra: m.extra.Load(),
		Open: m.open.Load(), Queued: int64(len(m.queue)), InFlight: m.inFlight.Load(),
		GivesWay: m.all.pace.givesWay(),
		Again:    m.again.Load(), Panics: m.panics.Load(),
		Bytes: m.all.memory.held.Load(), Budget: m.all.memory.limit,
		Buckets: make(map[string]uint64, Buckets),
		Proof:   Proof{State: ProofOff},
	}
	for b := range Buckets {
		s.Buckets[Bucket(b).String()] = m.buckets[b].Load()
	}
	if p.DryRun {
		s.Proof = m.proof.status(m.all.now())
	}
	if twin := p.twin(); twin.known() {
		s.Second = m.twin.status(twin.name)
	}
	if a := m.quiet.alarm.Load(); a != nil {
		s.Alarm, s.Since = a.reason, a.since
	}
	return s
}
