package handover

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// The phases of a generation.
const (
	starting int32 = iota // its servers accept nothing yet: it may still be refused
	serving
	ending
)

const (
	// settleTime is how long the end of a configuration waits for requests that
	// were begun. One that takes longer ends after it, as ever in Caddy.
	settleTime = 500 * time.Millisecond
	settlePoll = time.Millisecond
)

// Generation is what one configuration has of the shared sockets. All methods
// but Adopt may be called at any time, by many.
type Generation struct {
	phase   atomic.Int32
	servers map[*caddyhttp.Server]bool

	mu        sync.Mutex
	listeners []*listener
	conns     map[*conn]struct{}
}

// NewGeneration is a generation that has not begun.
func NewGeneration() *Generation {
	return &Generation{servers: map[*caddyhttp.Server]bool{}, conns: map[*conn]struct{}{}}
}

// Begin lets the generation's servers accept: all of its configuration has
// started. The one before gets no new connection from now on.
func (g *Generation) Begin() {
	if g.phase.CompareAndSwap(starting, serving) {
		g.turn()
	}
}

// Ending reports whether the generation's configuration is being replaced.
func (g *Generation) Ending() bool { return g.phase.Load() == ending }

// End moves the generation's connections to the configuration that follows, and
// returns when what was begun on them has been answered, at the latest after
// half a second. It is called before Caddy ends the servers. Without a
// configuration that follows it does nothing: the process ends.
func (g *Generation) End() {
	g.retire()
	limit := time.NewTimer(settleTime)
	defer limit.Stop()
	poll := time.NewTicker(settlePoll)
	defer poll.Stop()
	for g.unsettled() {
		select {
		case <-poll.C:
		case <-limit.C:
			return
		}
	}
}

// retire ends the generation's turn, and wakes connections that wait for a request.
func (g *Generation) retire() {
	if g.phase.Swap(ending) == ending {
		return
	}
	g.turn()
	for _, c := range g.all() {
		c.wake()
	}
}

// turn says to the sockets that another listener may have its turn.
func (g *Generation) turn() {
	g.mu.Lock()
	listeners := g.listeners
	g.mu.Unlock()
	for _, l := range listeners {
		l.socket.change()
	}
}

func (g *Generation) unsettled() bool {
	for _, c := range g.all() {
		if c.unsettled() {
			return true
		}
	}
	return false
}

func (g *Generation) all() []*conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*conn, 0, len(g.conns))
	for c := range g.conns {
		all = append(all, c)
	}
	return all
}

func (g *Generation) add(l *listener) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listeners = append(g.listeners, l)
}

func (g *Generation) take(next accepted, s *socket) *conn {
	c := &conn{TCPConn: next.conn, socket: s, generation: g, read: next.read}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = struct{}{}
	return c
}

func (g *Generation) forget(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}
