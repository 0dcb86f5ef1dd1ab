package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// avoidFor is how long a URL that failed to dial is asked only after the others.
const avoidFor = 3 * time.Second

// Limits of one endpoint's connections.
const (
	maxIdleConns   = 512              // kept per URL
	sweepEvery     = 2 * time.Minute  // those idle just then are closed
	continueTime   = time.Second      // wait for 100 Continue, then send the body
	maxAnswerHead  = 1 << 20          // bytes of an answer's head
	pingAfter      = 15 * time.Second // of silence on an HTTP/2 connection
	pingTime       = 5 * time.Second  // for its answer
	copyBufferSize = 32 << 10
)

// endpoint is one URL of a target with its connections.
type endpoint struct {
	url string
	// scheme and host are those of outgoing requests' URLs.
	scheme, host string
	// network and address are what is dialed.
	network, address string
	limits           Limits
	tls              *tls.Config
	// headRubbish: after the answer to a HEAD request the connection may hold a
	// body that nobody may send, so it is not used again. HTTP/2 has no such
	// bytes.
	headRubbish bool
	transport   http.RoundTripper
	// avoidedUntil is a time since epoch.
	avoidedUntil atomic.Int64
}

func newEndpoint(raw string, limits Limits, o Options) (*endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("target url: %w", err)
	}
	e := &endpoint{
		url: raw, scheme: "http", host: u.Host, network: "tcp", headRubbish: true,
		limits: Limits{orDefault(limits.Dial, defaultDial), orDefault(limits.Idle, maxIdleConns), orDefault(limits.Head, maxAnswerHead)},
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	port := "80"
	switch u.Scheme {
	case "http":
	case "https":
		e.scheme, port = "https", "443"
		protocols.SetHTTP2(true)
		e.tls = clientTLS(o.TLS, u.Hostname())
	case "h2c":
		protocols.SetHTTP1(false)
		protocols.SetUnencryptedHTTP2(true)
		e.headRubbish = false
	case "unix":
		if u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("target url %q: want unix:///path/to/socket", raw)
		}
		e.host, e.network, e.address = "localhost", "unix", u.Path
	default:
		return nil, fmt.Errorf("target url %q: scheme must be http, https, h2c or unix", raw)
	}
	if e.network == "tcp" {
		if u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return nil, fmt.Errorf("target url %q: want scheme, host and port, nothing else", raw)
		}
		if p := u.Port(); p != "" {
			port = p
		}
		e.address = net.JoinHostPort(u.Hostname(), port)
	}
	if e.transport = o.Transport; e.transport == nil {
		e.transport = e.newRoundTripper(protocols)
	}
	return e, nil
}

// newRoundTripper makes a lean one where it can.
func (e *endpoint) newRoundTripper(protocols *http.Protocols) http.RoundTripper {
	full := e.newTransport(protocols)
	if !leanWorks || e.scheme != "http" || !protocols.HTTP1() {
		return full
	}
	return &lean{endpoint: e, full: full}
}

func clientTLS(base *tls.Config, name string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		c = base.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = name
	}
	return c
}

// newTransport makes the endpoint's connections. Its Proxy is nil: environment
// variables must not redirect what a route table says. It has no IdleConnTimeout,
// which would set a timer with every request; see sweeper.
func (e *endpoint) newTransport(protocols *http.Protocols) *http.Transport {
	return &http.Transport{
		DialContext:            e.dial,
		DialTLSContext:         e.dialTLS,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    e.limits.Idle,
		ExpectContinueTimeout:  continueTime,
		MaxResponseHeaderBytes: e.limits.Head,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTime},
	}
}

// dialError says that a request was not sent, as there was no connection.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

func (e *endpoint) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &uploadConn{conn}, nil
}

// connect dials without TLS. Its error is a *dialError.
func (e *endpoint) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.limits.Dial)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, e.network, e.address)
	if err != nil {
		return nil, &dialError{err}
	}
	return conn, nil
}

// dialTLS shakes hands within the dial's time, so that a failed handshake is a
// failed dial: nothing of a request was sent. HTTP/2 knows no upgrades in the
// way of HTTP/1.1, so a request for one must not be offered HTTP/2.
func (e *endpoint) dialTLS(ctx context.Context, _, _ string) (net.Conn, error) {
	config := e.tls.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	if x := exchangeOf(ctx); x != nil && x.upgrade {
		config.NextProtos = []string{"http/1.1"}
	}
	ctx, cancel := context.WithTimeout(ctx, e.limits.Dial)
	defer cancel()
	d := tls.Dialer{Config: config}
	conn, err := d.DialContext(ctx, e.network, e.address)
	if err != nil {
		return nil, &dialError{err}
	}
	return conn, nil
}

// closeIdle closes the connections that nobody uses now.
func (e *endpoint) closeIdle() {
	if c, ok := e.transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (e *endpoint) avoided() bool { return e.avoidedUntil.Load() > sinceEpoch() }

// note takes the outcome of an attempt for the choice of the next.
func (e *endpoint) note(err error) (dialFailed bool) {
	if err == nil {
		if e.avoidedUntil.Load() != 0 {
			e.avoidedUntil.Store(0)
		}
		return false
	}
	var failed *dialError
	if !errors.As(err, &failed) {
		return false
	}
	e.avoidedUntil.Store(sinceEpoch() + int64(avoidFor))
	return true
}

// buffers are those of copied bodies.
type buffers struct{ pool sync.Pool }

var copyBuffers = buffers{sync.Pool{New: func() any { return new([copyBufferSize]byte) }}}

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte { return b.pool.Get().(*[copyBufferSize]byte)[:] }

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put((*[copyBufferSize]byte)(p)) }

// uploadConn is a connection that copies uploads with pooled buffers; a
// net.TCPConn makes a new one for each.
type uploadConn struct{ net.Conn }

// ReadFrom implements io.ReaderFrom.
func (c *uploadConn) ReadFrom(r io.Reader) (int64, error) {
	buf := copyBuffers.Get()
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, struct{ io.Reader }{r}, buf)
}

// CloseWrite passes the end of one direction of an upgraded connection on.
func (c *uploadConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
