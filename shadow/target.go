package shadow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// inFlight is how many requests are under way at one target.
const inFlight = 64

// Connections are those to one URL of a target. Redirects are answers. A
// [net.OpError] of a dial in the error means that nothing was sent. Of a new one they
// tell the request's [net/http/httptrace.ClientTrace], by GotConn.
type Connections interface {
	http.RoundTripper
	CloseIdleConnections()
}

// client asks one target, by connections of its own: a shadow takes none of those
// that requests are served by.
type client struct {
	name  string
	slots chan struct{}
	urls  []Connections
	turn  atomic.Uint32
}

// key is the same for targets that share a client.
func (t *Target) key() string {
	return t.Name + " " + strconv.Itoa(t.InFlight) + " " + strings.Join(t.URLs, " ")
}

func newClient(t Target, connect func(url string) (Connections, error)) (*client, error) {
	n := t.InFlight
	if n <= 0 {
		n = inFlight
	}
	c := &client{name: t.Name, slots: make(chan struct{}, n)}
	for _, url := range t.URLs {
		one, err := connect(url)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name, err)
		}
		c.urls = append(c.urls, one)
	}
	return c, nil
}

// idle closes the connections that nobody uses.
func (c *client) idle() {
	for _, one := range c.urls {
		one.CloseIdleConnections()
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

// roundTrip asks the URLs in turn until one can be dialed.
func (c *client) roundTrip(r *http.Request) (*http.Response, error) {
	first := int(c.turn.Add(1))
	var failed error
	for i := range c.urls {
		response, err := c.urls[(first+i)%len(c.urls)].RoundTrip(r)
		if err == nil || !dialing(err) || i == len(c.urls)-1 {
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
