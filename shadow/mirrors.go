package shadow

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Mirrors are the mirrors of an engine's routes. It is made once and outlives
// route tables. Its methods may be called concurrently.
type Mirrors struct {
	options Options
	log     *slog.Logger
	now     func() time.Time
	memory  memory
	pace    *pace

	mu      sync.Mutex         // of what follows; not on a request's way
	routes  map[string]*Mirror // those that are gone too, while something of them is left
	clients map[string]*client
	retired []*client // those that may still have connections
	reserve reserve

	background context.Context
	cancel     context.CancelFunc
	quit       chan struct{}
	closed     atomic.Bool
	starting   sync.Mutex // of workers, against Close
	done       sync.WaitGroup
}

// New makes Mirrors without routes.
func New(o Options) (*Mirrors, error) {
	if o.Recorder == nil || o.Connect == nil {
		return nil, errors.New("shadow: a recorder and connections are required")
	}
	if o.Key == nil {
		o.Key = make([]byte, 32)
		_, _ = rand.Read(o.Key) // never fails
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Outgoing == nil {
		o.Outgoing = endToEnd
	}
	if o.Stops == nil {
		o.Stops = &forgetful{now: o.Now}
	}
	o.Bytes, o.Queue = cmp.Or(o.Bytes, 64<<20), cmp.Or(o.Queue, 1024)
	o.AgainPerSecond, o.AgainShare = cmp.Or(o.AgainPerSecond, 5), cmp.Or(o.AgainShare, 0.05)
	o.ExtraPerSecond = cmp.Or(o.ExtraPerSecond, 1)
	m := &Mirrors{
		options: o, log: o.Logger, now: o.Now,
		routes: map[string]*Mirror{}, clients: map[string]*client{},
		quit: make(chan struct{}),
	}
	m.memory.limit = o.Bytes
	var err error
	if m.pace, err = newPace(); err != nil {
		return nil, fmt.Errorf("shadow: %w", err)
	}
	m.background, m.cancel = context.WithCancel(context.Background())
	m.done.Go(m.keepHouse)
	return m, nil
}

// Route is the mirror of a route, nil when it is not mirrored. It stays good
// until Apply leaves the route out; after that it samples nothing.
func (m *Mirrors) Route(name string) *Mirror {
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.routes[name]; one != nil && one.plan.Load() != nil {
		return one
	}
	return nil
}

// Status is that of all mirrored routes, by name.
func (m *Mirrors) Status() []Status {
	out := []Status{}
	for _, one := range m.mirrors() {
		if one.plan.Load() != nil {
			out = append(out, one.Status())
		}
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.Route, b.Route) })
	return out
}

// mirrors are all, those that are gone too.
func (m *Mirrors) mirrors() []*Mirror {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*Mirror, 0, len(m.routes))
	for _, one := range m.routes {
		out = append(out, one)
	}
	return out
}

// forget lets go of the routes that are gone and have nothing left to do, and of
// the connections of targets that nobody asks any more.
func (m *Mirrors) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, one := range m.routes {
		if one.plan.Load() == nil && one.open.Load() == 0 && len(one.queue) == 0 && one.inFlight.Load() == 0 {
			one.tellLosses() // nobody will any more
			delete(m.routes, name)
		}
	}
	m.retired = slices.DeleteFunc(m.retired, func(c *client) bool {
		busy := len(c.slots) > 0
		c.idle()
		return !busy
	})
}

// start runs f unless all is over.
func (m *Mirrors) start(f func()) bool {
	m.starting.Lock()
	defer m.starting.Unlock()
	if m.closed.Load() {
		return false
	}
	m.done.Go(f)
	return true
}

// Close ends it all: what waits is counted as dropped, what is under way is
// cancelled. No goroutine is left when it returns.
func (m *Mirrors) Close() {
	m.starting.Lock()
	again := m.closed.Swap(true)
	m.starting.Unlock()
	if again {
		return
	}
	m.cancel()
	close(m.quit)
	m.done.Wait()
	for _, one := range m.mirrors() {
		one.drain()
		one.tellLosses()
	}
	if err := m.pace.close(); err != nil {
		m.log.Warn("shadow: a pipe was not closed", slog.Any("error", err))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.clients {
		c.idle()
	}
	for _, c := range m.retired {
		c.idle()
	}
}

// houseTime is how often losses are told and silences looked at.
const houseTime = time.Second

// fadeEvery is after how many of them what was seen counts half.
const fadeEvery = 60

// keepHouse does what no request is to wait for.
func (m *Mirrors) keepHouse() {
	ticker := time.NewTicker(houseTime)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-m.quit:
			return
		case <-ticker.C:
		}
		for _, one := range m.mirrors() {
			one.tellLosses()
			one.look(m.now())
			if n%fadeEvery == 0 {
				one.rare.fade()
			}
		}
		if n%fadeEvery == 0 {
			m.forget()
		}
	}
}
