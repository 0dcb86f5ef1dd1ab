package handover

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// The phases of a connection in one generation.
type phase int

const (
	fresh   phase = iota // nothing was read or written
	reading              // a request was begun, its header is not complete
	active               // a request is being served
	idle                 // it was answered
	opaque               // it is not ours to say: HTTP/2, WebSocket
	gone                 // closed, or moved to another generation
)

// serverBuffer is the size of the buffer that Go's HTTP server reads into. When
// it reads into a whole one after an answer, nothing that the client sent is
// left in it: the connection is exactly between two requests. Should Go change
// the size, connections would be closed at a reload instead of moved.
const serverBuffer = 4096

// quietTime is how long a connection that cannot be moved must have been idle to
// be closed: a client that is about to ask again is told with the next answer.
const quietTime = 100 * time.Millisecond

// preface is how HTTP/2 without TLS begins; no HTTP/1.1 method does.
const preface = "PRI "

// conn is a connection as one generation sees it.
type conn struct {
	*net.TCPConn
	socket     *socket
	generation *Generation

	mu     sync.Mutex
	phase  phase
	parked bool      // a Read waits between two requests
	direct bool      // Go's server reads this connection itself, nothing is between
	seen   bool      // observe knows it
	idled  time.Time // when it was answered last, if it cannot be moved
	opened int       // bytes of preface seen, -1 when it is something else
	read   []byte    // read before, and not given to the server yet
}

// Read reads like the connection; between two requests it ends when the
// connection moves to another generation.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	between := c.betweenLocked(len(p))
	if between && c.moveLocked() {
		c.mu.Unlock()
		return 0, io.EOF
	}
	opening := between || c.phase == reading && c.opened >= 0
	switch {
	case c.phase == gone:
		c.mu.Unlock()
		return 0, io.EOF
	case len(c.read) > 0:
		n := copy(p, c.read)
		c.read = c.read[n:]
		c.beginLocked(p[:n])
		c.mu.Unlock()
		return n, nil
	case !opening:
		c.mu.Unlock()
		return c.TCPConn.Read(p)
	}
	c.parked = between
	c.mu.Unlock()
	n, err := c.TCPConn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parked = false
	if between && (err == nil || os.IsTimeout(err)) && c.generation.Ending() {
		c.read = slices.Clone(p[:n])
		if c.moveLocked() {
			return 0, io.EOF
		}
		c.read = nil
	}
	c.beginLocked(p[:n])
	return n, err
}

// betweenLocked reports whether a Read of that size begins between two requests.
func (c *conn) betweenLocked(size int) bool {
	if c.phase != idle {
		return c.phase == fresh
	}
	if c.direct && size == serverBuffer {
		return true
	}
	c.phase = reading
	return false
}

// beginLocked notes that the server got bytes of a request.
func (c *conn) beginLocked(p []byte) {
	if len(p) == 0 || c.phase == gone || c.phase == opaque {
		return
	}
	if c.phase == fresh || c.phase == idle {
		c.phase = reading
	}
	for _, b := range p {
		if c.opened < 0 {
			return
		}
		if b != preface[c.opened] {
			c.opened = -1
			return
		}
		if c.opened++; c.opened == len(preface) {
			c.phase = opaque
			return
		}
	}
}

// moveLocked gives the connection to the generation that follows, if its own is
// ending and there is one.
func (c *conn) moveLocked() bool {
	if c.phase == gone || !c.generation.Ending() || !c.socket.follower(c.generation) {
		return false
	}
	c.phase = gone
	c.generation.forget(c)
	_ = c.TCPConn.SetDeadline(time.Time{}) // fails on a broken connection, which its reader will see
	go c.socket.deliver(accepted{conn: c.TCPConn, read: c.read})
	return true
}

// wake ends a Read that waits between two requests; it then moves the connection.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parked && c.phase != gone && c.socket.follower(c.generation) {
		_ = c.TCPConn.SetReadDeadline(time.Unix(1, 0))
	}
}

// unsettled reports whether something was begun on the connection that is worth
// waiting for before the server ends.
func (c *conn) unsettled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := c.phase == fresh || c.phase == active || c.phase == reading && c.seen ||
		c.phase == idle && (c.direct || time.Since(c.idled) < quietTime)
	return begun && c.socket.follower(c.generation)
}

// Write writes to the connection.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.phase == fresh {
		c.phase = opaque // a protocol in which the server speaks first
	}
	left := c.phase == gone
	c.mu.Unlock()
	if left {
		return 0, net.ErrClosed
	}
	return c.TCPConn.Write(p)
}

// Close closes the connection unless it has moved.
func (c *conn) Close() error {
	c.mu.Lock()
	left := c.phase == gone
	c.phase = gone
	c.mu.Unlock()
	if left {
		return nil
	}
	c.generation.forget(c)
	return c.TCPConn.Close()
}

// SetDeadline sets when a Read and a Write end. Like the two below it leaves a
// connection alone that has moved.
func (c *conn) SetDeadline(t time.Time) error { return c.unlessGone(c.TCPConn.SetDeadline, t) }

// SetReadDeadline sets when a Read ends.
func (c *conn) SetReadDeadline(t time.Time) error { return c.unlessGone(c.TCPConn.SetReadDeadline, t) }

// SetWriteDeadline sets when a Write ends.
func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.unlessGone(c.TCPConn.SetWriteDeadline, t)
}

func (c *conn) unlessGone(set func(time.Time) error, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == gone {
		return net.ErrClosed
	}
	return set(t)
}
