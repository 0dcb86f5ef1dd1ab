package shadow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Limits of a client's connections. They are its own: a shadow takes none of
// those that requests are served by.
const (
	dialTime     = 2 * time.Second
	idleConns    = 32
	idleTime     = 90 * time.Second
	maxReplyHead = 256 << 10
	inFlight     = 64 // at one target
)

// client asks one target.
type client struct {
	name      string
	slots     chan struct{}
	endpoints []endpoint
	turn      atomic.Uint32
}

// endpoint is one URL of a target.
type endpoint struct {
	scheme, host string
	transport    *http.Transport
}

// key is the same for targets that share a client.
func (t *Target) key() string {
	return t.Name + " " + strconv.Itoa(t.InFlight) + " " + strings.Join(t.URLs, " ")
}

func newClient(t Target) (*client, error) {
	n := t.InFlight
	if n <= 0 {
		n = inFlight
	}
	c := &client{name: t.Name, slots: make(chan struct{}, n)}
	for _, raw := range t.URLs {
		e, err := newEndpoint(raw)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name, err)
		}
		c.endpoints = append(c.endpoints, e)
	}
	return c, nil
}

func newEndpoint(raw string) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return endpoint{}, fmt.Errorf("url: %w", err)
	}
	e := endpoint{scheme: "http", host: u.Host}
	dialer := &net.Dialer{Timeout: dialTime}
	t := &http.Transport{
		// Proxy stays nil: the environment must not redirect what a table says.
		DialContext: dialer.DialContext, DisableCompression: true,
		TLSHandshakeTimeout: dialTime, MaxIdleConnsPerHost: idleConns, IdleConnTimeout: idleTime,
		MaxResponseHeaderBytes: maxReplyHead, Protocols: new(http.Protocols),
	}
	t.Protocols.SetHTTP1(u.Scheme != "h2c")
	switch u.Scheme {
	case "http":
	case "https":
		e.scheme = "https"
		t.Protocols.SetHTTP2(true)
	case "h2c":
		t.Protocols.SetUnencryptedHTTP2(true)
	case "unix":
		e.host = "localhost"
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", u.Path)
		}
	default:
		return endpoint{}, fmt.Errorf("url %q: scheme must be http, https, h2c or unix", raw)
	}
	e.transport = t
	return e, nil
}

// idle closes the connections that nobody uses.
func (c *client) idle() {
	for i := range c.endpoints {
		c.endpoints[i].transport.CloseIdleConnections()
	}
}

// enter waits for a place at the target, so long at most.
func (c *client) enter(ctx context.Context, most time.Duration) error {
	ctx, stop := context.WithTimeout(ctx, most)
	defer stop()
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}

// entered takes a place at the target if there is one: most often there is.
func (c *client) entered() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (c *client) leave() { <-c.slots }

// roundTrip asks the URLs in turn until one can be dialed. Redirects are answers.
func (c *client) roundTrip(ctx context.Context, r *http.Request) (*http.Response, error) {
	first := int(c.turn.Add(1))
	var failed error
	for i := range c.endpoints {
		e := &c.endpoints[(first+i)%len(c.endpoints)]
		out := r.WithContext(ctx)
		target := *r.URL
		out.URL = &target
		out.URL.Scheme, out.URL.Host = e.scheme, e.host
		response, err := e.transport.RoundTrip(out)
		if err == nil || !dialing(err) || i == len(c.endpoints)-1 {
			return response, err
		}
		failed = err
	}
	return nil, failed
}

// dialing tells whether an error came before anything was sent.
func dialing(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
