package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	requestsUnderReload = 10_000
	clientsOfAKind      = 4
)

// load asks for items until it is told to finish, over connections that it
// reads and writes itself: an HTTP client would ask again by itself when a
// connection ends, and hide the very thing that is looked for.
type load struct {
	t      *testing.T
	dial   func() (net.Conn, error)
	sent   atomic.Int64
	kept   atomic.Int64 // of them, on a connection that had been used before
	enough chan struct{}
	once   sync.Once
	stop   chan struct{}
	done   sync.WaitGroup

	mu    sync.Mutex
	wrong []string
}

func dialTCP(address string) func() (net.Conn, error) {
	return func() (net.Conn, error) { return net.DialTimeout("tcp", address, 10*time.Second) }
}

// startLoad starts as many clients that keep their connections as clients that
// make one for each request.
func startLoad(t *testing.T, dial func() (net.Conn, error)) *load {
	t.Helper()
	l := &load{t: t, dial: dial, enough: make(chan struct{}), stop: make(chan struct{})}
	for i := range 2 * clientsOfAKind {
		l.done.Go(func() { l.client(i%2 == 0) })
	}
	return l
}

// client asks for one item after the other.
func (l *load) client(keep bool) {
	var c *clientConn
	for {
		select {
		case <-l.stop:
			c.close()
			return
		default:
		}
		n := l.sent.Add(1)
		again, err := l.ask(c, n, keep)
		if err != nil {
			l.mu.Lock()
			l.wrong = append(l.wrong, fmt.Sprintf("request %d, keep-alive %t: %v", n, keep, err))
			l.mu.Unlock()
		}
		c = again
		if n >= requestsUnderReload {
			l.once.Do(func() { close(l.enough) })
		}
	}
}

// clientConn is a connection and what was read from it.
type clientConn struct {
	net.Conn
	buffered *bufio.Reader
}

func (c *clientConn) close() {
	if c != nil {
		_ = c.Close()
	}
}

// ask asks for an item, once, and returns the connection if it may be used again.
func (l *load) ask(c *clientConn, n int64, keep bool) (*clientConn, error) {
	if c == nil {
		conn, err := l.dial()
		if err != nil {
			return nil, err
		}
		c = &clientConn{conn, bufio.NewReader(conn)}
	} else {
		l.kept.Add(1)
	}
	response, err := c.exchange(fmt.Sprintf("GET /item/%d HTTP/1.1\r\nHost: %s\r\n\r\n", n, c.RemoteAddr()))
	if err != nil {
		c.close()
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	got := string(body)
	if err != nil || response.StatusCode != http.StatusOK || got != fmt.Sprintf("alpha /alpha/%d", n) && got != fmt.Sprintf("beta /beta/%d", n) {
		c.close()
		return nil, fmt.Errorf("%s %q %w", response.Status, got, err)
	}
	if !keep || response.Close {
		c.close()
		return nil, nil
	}
	return c, nil
}

func (c *clientConn) exchange(request string) (*http.Response, error) {
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.buffered, nil)
}

// finish waits until enough requests were sent and says which went wrong.
func (l *load) finish() {
	l.t.Helper()
	select {
	case <-l.enough:
	case <-time.After(2 * time.Minute):
		l.t.Errorf("only %d requests in two minutes", l.sent.Load())
	}
	close(l.stop)
	l.done.Wait()
	l.t.Logf("%d requests, %d of them on used connections: %d wrong", l.sent.Load(), l.kept.Load(), len(l.wrong))
	if l.kept.Load() < requestsUnderReload/10 {
		l.t.Errorf("only %d requests on used connections", l.kept.Load())
	}
	for _, wrong := range l.wrong[:min(10, len(l.wrong))] {
		l.t.Error(wrong)
	}
	if len(l.wrong) > 10 {
		l.t.Errorf("… and %d more", len(l.wrong)-10)
	}
}
