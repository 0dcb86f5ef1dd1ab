package proxy

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Limits bound the connections to a URL. What is zero is as for a target without
// words of its own.
type Limits struct {
	Dial time.Duration // how long to connect may take, TLS included; 2 s
	Idle int           // how many that are idle are kept; 512
	Head int64         // bytes of an answer's head; 1 MiB
}

// Connections are those to one URL, for requests that no client waits for.
// Redirects are answers. Of a request's [net/http/httptrace.ClientTrace] it has
// Got1xxResponse, and GotConn for a new connection. A dial that failed is a
// [net.OpError] somewhere in the error. Safe for concurrent use.
type Connections struct {
	endpoint *endpoint
	sweeper  sweeper
}

// NewConnections dials nothing. The URL is as in a target's urls.
func NewConnections(url string, limits Limits) (*Connections, error) {
	e, err := newEndpoint(url, limits, Options{})
	if err != nil {
		return nil, err
	}
	return &Connections{endpoint: e}, nil
}

// RoundTrip implements http.RoundTripper. Scheme and host of the request's URL do
// not count.
func (c *Connections) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sweeper.used(c.CloseIdleConnections)
	out, target := *r, *r.URL
	target.Scheme, target.Host = c.endpoint.scheme, c.endpoint.host
	out.URL = &target
	out.Close = c.endpoint.headRubbish && out.Method == http.MethodHead
	return c.endpoint.transport.RoundTrip(&out)
}

// CloseIdleConnections closes those that nobody uses now.
func (c *Connections) CloseIdleConnections() { c.endpoint.closeIdle() }

// sweeper closes the connections that are idle just now, every sweepEvery as long
// as there are requests: what a burst has left behind must not stay for ever.
type sweeper struct{ on atomic.Bool }

func (s *sweeper) used(sweep func()) {
	if !s.on.Load() && s.on.CompareAndSwap(false, true) {
		time.AfterFunc(sweepEvery, func() {
			s.on.Store(false)
			sweep()
		})
	}
}
