package handover

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"
)

// sockets are the listening sockets of this process, by address.
var sockets = struct {
	sync.Mutex
	byAddress map[string]*socket
}{byAddress: map[string]*socket{}}

// socket is one listening socket, open as long as a configuration listens on it.
type socket struct {
	net.Listener
	address string

	mu        sync.Mutex
	listeners []*listener   // in the order in which they were opened
	changed   chan struct{} // closed when another listener may be the one that accepts
	closed    bool
}

// accepted is a connection on its way to a listener, or why there is none.
type accepted struct {
	conn *net.TCPConn
	read []byte // what was read from it and belongs to its next request
	err  error
}

// open makes a listener of a generation on an address.
func open(ctx context.Context, generation *Generation, address caddy.NetworkAddress, alive net.KeepAliveConfig) (*listener, error) {
	sockets.Lock()
	defer sockets.Unlock()
	key := address.String()
	s := sockets.byAddress[key]
	if s == nil {
		var err error
		if s, err = bind(ctx, address, key); err != nil {
			return nil, err
		}
		sockets.byAddress[key] = s
		go s.accept()
	}
	l := &listener{socket: s, generation: generation, alive: alive, accepted: make(chan accepted), end: make(chan struct{})}
	generation.add(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
	s.changeLocked()
	return l, nil
}

func bind(ctx context.Context, address caddy.NetworkAddress, key string) (*socket, error) {
	if err := refuseForeign(ctx, address); err != nil {
		return nil, err
	}
	opened, err := address.Listen(ctx, 0, net.ListenConfig{})
	if err != nil {
		return nil, err
	}
	return &socket{Listener: opened.(net.Listener), address: key, changed: make(chan struct{})}, nil
}

// accept takes connections from the system until the socket is closed.
func (s *socket) accept() {
	for {
		conn, err := s.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		next := accepted{err: err}
		if err == nil {
			next.conn = conn.(*net.TCPConn)
		}
		s.deliver(next)
	}
}

// deliver gives a connection to the listener whose turn it is, and waits for
// one as long as no configuration has started.
func (s *socket) deliver(next accepted) {
	for {
		l, changed, closed := s.turn()
		if closed {
			if next.conn != nil {
				_ = next.conn.Close()
			}
			return
		}
		var to chan accepted // nil blocks
		if l != nil {
			to = l.accepted
		}
		select {
		case to <- next:
			return
		case <-changed:
		}
	}
}

// turn is the listener that accepts now, nil for none, and what is closed when
// that changes. It is the newest of a configuration that runs; when the process
// ends there is none, and the last goes on until it is closed.
func (s *socket) turn() (l *listener, changed <-chan struct{}, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range slices.Backward(s.listeners) {
		switch one.generation.phase.Load() {
		case serving:
			return one, s.changed, s.closed
		case ending:
			if l == nil {
				l = one
			}
		}
	}
	return l, s.changed, s.closed
}

// follower reports whether another configuration than g accepts on the socket.
func (s *socket) follower(g *Generation) bool {
	l, _, closed := s.turn()
	return !closed && l != nil && l.generation != g && l.generation.phase.Load() == serving
}

func (s *socket) changeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// change makes deliver look again whose turn it is.
func (s *socket) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeLocked()
}

// remove takes a listener away, and closes the socket after the last one.
func (s *socket) remove(l *listener) error {
	sockets.Lock()
	defer sockets.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = slices.DeleteFunc(s.listeners, func(one *listener) bool { return one == l })
	defer s.changeLocked()
	if len(s.listeners) > 0 {
		return nil
	}
	s.closed = true
	delete(sockets.byAddress, s.address)
	return s.Close()
}
