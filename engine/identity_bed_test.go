package engine

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// desk is a monolith's sessions: users by the value of the cookie sessionid.
type desk struct {
	mu    sync.Mutex
	users map[string]string
	down  bool
}

func (d *desk) Names() []string { return []string{"sessionid"} }

func (d *desk) Cookie(header http.Header) (string, session.Outcome, bool) {
	value, there, agree := cookie(header["Cookie"], "sessionid")
	switch {
	case !agree:
		return "", session.Unknown(session.AmbiguousCookie, nil), false
	case !there:
		return "", session.Nobody(session.NoCookie), false
	}
	return value, session.Outcome{}, true
}

func (d *desk) Open(_ context.Context, value string) session.Outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch user := d.users[value]; {
	case d.down:
		return session.Unknown(session.StoreFailed, errors.New("down"))
	case user == "":
		return session.Nobody(session.NoSession)
	default:
		return session.Is(session.Principal{Subject: user, User: map[string]any{"email": user + `"@example.com`}, Session: map[string]any{"plan": "gold"}})
	}
}

func (d *desk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

const issuer = "http://desk.example.com"

// withDesk gives the engine an identity with the user 7 in the session alice, and
// 8 in bob.
func withDesk(d *desk, change ...func(*Identity)) option {
	return func(b *bed, o *Options) {
		d.users = map[string]string{"alice": "7", "bob": "8"}
		ring, err := token.NewRing(token.Options{Issuer: issuer, Store: o.Secrets.(token.Store)})
		must(b.t, err)
		must(b.t, ring.Refresh(b.t.Context(), time.Now()))
		resolver, err := identity.NewResolver(identity.ResolverOptions{Reader: d, Secret: make([]byte, 32), Now: time.Now})
		must(b.t, err)
		b.t.Cleanup(resolver.Close)
		o.Identity = &Identity{
			Resolver: resolver, Ring: ring, Minter: token.NewMinter(ring),
			Attributes: []string{"email", "session.plan"}, CSRFCookie: "csrftoken", LoginURL: "/login/", RemoveHeaders: []string{"X-User"},
		}
		for _, c := range change {
			c(o.Identity)
		}
	}
}

const deskTable = `
targets: { monolith: { url: MONOLITH }, s: { url: SERVICE }, other: { url: SERVICE } }
monolith: monolith
routes:
  - { name: faq, match: /faq, service: s, percent: 100, owner: o, fallback: [connect, 503], identity: { claims: { mail: email, plan: session.plan } } }
  - { name: own, match: /own, service: other, percent: 100, owner: o, fallback: [connect], identity: { header: X-User-Token, audience: elsewhere } }
  - { name: open, match: /open, service: s, percent: 100, owner: o, fallback: [connect], identity: { token: optional } }
  - { name: refuse, match: /refuse, service: s, percent: 100, owner: o, fallback: [connect], identity: { anonymous: 401 } }
  - { name: login, match: /login-first, service: s, percent: 100, owner: o, fallback: [connect], identity: { anonymous: login } }
  - { name: django, match: /django, service: s, percent: 100, owner: o, fallback: [connect], identity: { csrf: django } }
  - { name: plain, match: /plain, service: s, percent: 100, owner: o, fallback: [connect] }
  - { name: cookie, match: /cookie, service: s, percent: 100, owner: o, fallback: [connect], identity: { token: none, keep_cookie: true } }
  - { name: half, match: /half, service: s, percent: 50, owner: o, fallback: [connect] }
`

func signedIn(name string, more ...string) http.Header {
	h := http.Header{"Cookie": {"lang=en; sessionid=" + name + "; csrftoken=x"}}
	for i := 0; i+1 < len(more); i += 2 {
		h[more[i]] = append(h[more[i]], more[i+1])
	}
	return h
}

// verified is what a token says that the service got, held against the keys that
// are published, by a library of others.
func (b *bed) verified(audience string) jwt.MapClaims {
	b.t.Helper()
	text, ok := strings.CutPrefix(b.service.seen().Get("Authorization"), "Bearer ")
	if !ok {
		b.t.Fatalf("no token in %v", b.service.seen())
	}
	return b.verify(text, audience)
}

func (b *bed) verify(text, audience string) jwt.MapClaims {
	b.t.Helper()
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) {
		return b.options.Identity.Ring.Set().Keys[0].Public(), nil
	}, jwt.WithAudience(audience), jwt.WithIssuer(issuer), jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired())
	must(b.t, err)
	return claims
}

// reason sends a request and gives the decision's reason with who answered.
func (b *bed) reason(method, path string, header http.Header) (reason, by string, response *http.Response) {
	b.t.Helper()
	response, _ = b.do(method, path, header)
	result := <-b.results
	return string(result.Decision.Reason), response.Header.Get("X-Served-By"), response
}

func newDesk(tb testing.TB, d *desk, change ...func(*Identity)) *bed {
	tb.Helper()
	b := newBed(tb, deskTable, withDesk(d, change...))
	b.results = make(chan Result, 10)
	return b
}
