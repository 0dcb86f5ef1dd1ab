package handover

import (
	"net"
	"sync"
)

// listener is what one server of one configuration listens on.
type listener struct {
	socket     *socket
	generation *Generation
	alive      net.KeepAliveConfig
	accepted   chan accepted
	once       sync.Once
	end        chan struct{} // closed with the listener
}

// Accept waits for the next connection of the socket while it is this
// configuration's turn.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case next := <-l.accepted:
		if next.err != nil {
			return nil, next.err
		}
		if l.alive.Enable {
			_ = next.conn.SetKeepAliveConfig(l.alive) // a connection that broke says so when it is read
		}
		return l.generation.take(next, l.socket), nil
	case <-l.end:
		return nil, &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close ends this configuration's part in the socket.
func (l *listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		close(l.end)
		err = l.socket.remove(l)
		// A configuration that failed just after it had started ends unasked.
		l.generation.retire()
	})
	return err
}

// Addr is the socket's address.
func (l *listener) Addr() net.Addr { return l.socket.Addr() }
