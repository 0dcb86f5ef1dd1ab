package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
)

// clientConn is a client's connection after an upgrade, which knows who is in
// it. The ReverseProxy returns when one direction has ended, while the other
// may still be at work; but who handed the connection out may count its bytes
// without a lock (Caddy does, for the access log), so all have to be out when
// the handler returns.
type clientConn struct {
	net.Conn
	reader io.Reader // the connection, after what was read of it before

	mu    sync.Mutex
	over  bool
	users sync.WaitGroup
}

// enter says whether the connection may still be used; then leave it.
func (c *clientConn) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.users.Add(1)
	}
	return !c.over
}

// finish closes the connection and waits until nobody uses it.
func (c *clientConn) finish() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	_ = c.Close() // the ReverseProxy did already
	c.users.Wait()
}

// Read reads from the client.
func (c *clientConn) Read(p []byte) (int, error) {
	if !c.enter() {
		return 0, net.ErrClosed
	}
	defer c.users.Done()
	return c.reader.Read(p)
}

// Write writes to the client.
func (c *clientConn) Write(p []byte) (int, error) {
	if !c.enter() {
		return 0, net.ErrClosed
	}
	defer c.users.Done()
	return c.Conn.Write(p)
}

// WriteTo keeps the connection's own, faster way to copy.
func (c *clientConn) WriteTo(w io.Writer) (int64, error) {
	if !c.enter() {
		return 0, net.ErrClosed
	}
	defer c.users.Done()
	return io.Copy(w, c.reader)
}

// ReadFrom keeps the connection's own, faster way to copy.
func (c *clientConn) ReadFrom(r io.Reader) (int64, error) {
	if !c.enter() {
		return 0, net.ErrClosed
	}
	defer c.users.Done()
	return io.Copy(c.Conn, r)
}

// CloseWrite closes one direction, where the connection can; an error ends both.
func (c *clientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
