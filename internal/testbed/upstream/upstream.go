// Package upstream has servers that misbehave on the wire in the ways that real
// ones do: they refuse, hang, break off, and say what is not HTTP. All listen
// on loopback and end with the test.
package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Server is a TCP server whose connections a test serves by hand.
type Server struct {
	// URL is where it listens: http://127.0.0.1:PORT.
	URL string

	accepted, requests atomic.Int64
}

// Accepted is how many connections came.
func (s *Server) Accepted() int { return int(s.accepted.Load()) }

// Requests is how many requests were read with Conn.Request.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Conn is one connection of a Server.
type Conn struct {
	net.Conn
	Reader *bufio.Reader
	server *Server
}

// Request reads the next request's head; its body is read from the request.
func (c *Conn) Request() (*http.Request, error) {
	r, err := http.ReadRequest(c.Reader)
	if err == nil {
		c.server.requests.Add(1)
	}
	return r, err
}

// Say writes text as it is.
func (c *Conn) Say(text string) {
	// Whether anybody is still there is the proxy's business.
	_, _ = io.WriteString(c, text)
}

// Reset closes the connection so that the peer gets a TCP reset.
func (c *Conn) Reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is closed politely, and the test will say so
	}
	_ = c.Close()
}

// WaitClosed returns when the peer has closed the connection.
func (c *Conn) WaitClosed() { _, _ = io.Copy(io.Discard, c.Reader) }

// Start serves every connection with serve, after which it is closed.
func Start(tb testing.TB, serve func(*Conn)) *Server {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{URL: "http://" + ln.Addr().String()}
	var open sync.Map
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			open.Store(conn, nil)
			running.Go(func() {
				defer open.Delete(conn)
				defer func() { _ = conn.Close() }()
				serve(&Conn{Conn: conn, Reader: bufio.NewReader(conn), server: s})
			})
		}
	})
	tb.Cleanup(func() {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			tb.Error(err)
		}
		open.Range(func(conn, _ any) bool {
			_ = conn.(net.Conn).Close()
			return true
		})
		running.Wait()
	})
	return s
}

// Refused is a URL where nobody listens.
func Refused(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return "http://" + ln.Addr().String()
}

// Hung reads requests and never answers.
func Hung(tb testing.TB) *Server {
	tb.Helper()
	return Start(tb, func(c *Conn) {
		if _, err := c.Request(); err == nil {
			c.WaitClosed()
		}
	})
}

// Saying answers every request with the same bytes, and then waits for the next.
func Saying(tb testing.TB, text string) *Server {
	tb.Helper()
	return Start(tb, func(c *Conn) {
		for {
			r, err := c.Request()
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			c.Say(text)
		}
	})
}

// Breaking says text to a request and then resets the connection. An empty
// text breaks before the head, "HTTP/1.1 200 OK\r\nCont" within it.
func Breaking(tb testing.TB, text string) *Server {
	tb.Helper()
	return Start(tb, func(c *Conn) {
		r, err := c.Request()
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			c.Say(text)
		}
		c.Reset()
	})
}

// Answers that are no HTTP, or too much of it.
const (
	Garbage   = "SSH-2.0-OpenSSH_9.9\r\n"
	BadStatus = "HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n"
	HalfHead  = "HTTP/1.1 200 OK\r\nContent-Ty"
	HalfBody  = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
	HalfChunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
)

// HugeHead is an answer whose head has more than n bytes.
func HugeHead(n int) string {
	return "HTTP/1.1 200 OK\r\nX-Huge: " + strings.Repeat("x", n) + "\r\nContent-Length: 0\r\n\r\n"
}
