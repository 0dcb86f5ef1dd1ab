// Package introspect asks the monolith itself whose a session is: for every
// framework that no other package reads, and for monoliths whose own rules say
// who may do what.
//
// A request's way through it: its session cookies and the headers on the list
// ([Sessions.Cookie]) are sent to one fixed URL of the monolith with the proxy's
// own credential ([Sessions.Open]); the monolith answers who that is. The contract
// is in docs/introspection.md. Nothing else of the request goes there: not its
// method, path, body, Authorization or X-Forwarded headers, so that no client
// reaches anything at that URL but its own session.
//
// An answer counts as long as its Cache-Control and exp allow, and never longer
// than the caller's own bound.
package introspect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/strangler-proxy/strangler/identity/session"
)

// DefaultTimeout is how long an answer may take.
const DefaultTimeout = 250 * time.Millisecond

// Config is where the monolith answers. URL and Cookies are needed.
type Config struct {
	// URL is the absolute URL of the monolith's answer, http or https.
	URL string
	// Cookies are the names of the monolith's session cookies; no other is sent.
	Cookies []string
	// Headers are further headers of the request that are sent; none. One that
	// differs between requests, such as a request's ID, makes each of them ask.
	Headers []string
	// Bearer is the proxy's own credential, sent as Authorization: Bearer; none.
	Bearer string
	// TLS answers, for each new connection, the proxy's certificate and whom it
	// trusts; the system's roots.
	TLS func() *tls.Config
	// Timeout is how long an answer may take, with all tries; DefaultTimeout.
	Timeout time.Duration
}

// never are headers that are not sent on: they are the connection's, the proxy's,
// or what makes an application believe it was asked for something else.
var never = []string{
	"Accept", "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Expect", "Forwarded", "Host", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Http-Method-Override",
	"X-Original-Url", "X-Rewrite-Url", marker,
}

func (c Config) check() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("introspection needs an absolute URL, as in https://monolith.internal/_introspect, without a user and a fragment")
	case len(c.Cookies) == 0:
		return nil, errors.New("introspection needs the names of the monolith's session cookies")
	case c.Timeout < 0:
		return nil, fmt.Errorf("introspection cannot have the timeout %s", c.Timeout)
	case !httpguts.ValidHeaderFieldValue(c.Bearer) || strings.ContainsAny(c.Bearer, " \t"):
		return nil, errors.New("introspection cannot have a bearer credential with blanks or control characters")
	}
	for i, name := range c.Cookies {
		if !httpguts.ValidHeaderFieldName(name) || slices.Contains(c.Cookies[:i], name) {
			return nil, fmt.Errorf("%q cannot be the name of a cookie, or is there twice", name)
		}
	}
	for i, name := range c.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name), strings.ContainsAny(name, "_."), slices.Contains(c.Headers[:i], name):
			return nil, fmt.Errorf("%q cannot be the name of a header, or is there twice", name)
		case slices.Contains(never, canonical), strings.HasPrefix(canonical, "X-Forwarded-"), strings.HasPrefix(canonical, "X-Strangler-"):
			return nil, fmt.Errorf("the header %s is never sent on", name)
		}
	}
	return u, nil
}

// Sessions asks one monolith. Safe for concurrent use.
type Sessions struct {
	config  Config
	headers []string // canonical
	client  *http.Client
	now     func() time.Time
}

var _ session.Reader = (*Sessions)(nil)

// Connections: one answer is small and quick.
const (
	maxConns     = 64
	idleFor      = 90 * time.Second
	maxRespBytes = 64 << 10 // of an answer's body, and of its header
)

// New makes a reader. An error says which setting is wrong, and holds no secret.
func New(config Config, now func() time.Time) (*Sessions, error) {
	if _, err := config.check(); err != nil {
		return nil, err
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	s := &Sessions{config: config, now: now}
	for _, name := range config.Headers {
		s.headers = append(s.headers, http.CanonicalHeaderKey(name))
	}
	transport := &http.Transport{ // no proxy: the URL is of one's own network
		DialContext: (&net.Dialer{Timeout: config.Timeout}).DialContext, ForceAttemptHTTP2: true,
		MaxConnsPerHost: maxConns, MaxIdleConnsPerHost: maxConns, IdleConnTimeout: idleFor,
		MaxResponseHeaderBytes: maxRespBytes, DisableCompression: true,
	}
	if config.TLS != nil {
		transport.DialTLSContext = s.dialTLS
	}
	s.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// Close ends idle connections.
func (s *Sessions) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// Open asks whose a value is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, value string) session.Outcome {
	bounded, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	found, err := s.ask(bounded, value)
	switch {
	case err == nil:
		return found
	case bounded.Err() != nil:
		return session.Unknown(session.TimedOut, bounded.Err())
	}
	return session.Unknown(session.StoreFailed, err)
}
