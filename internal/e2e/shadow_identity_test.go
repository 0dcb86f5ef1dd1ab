package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// eavesdropper is a shadow that writes down all it hears.
type eavesdropper struct {
	*httptest.Server

	mu    sync.Mutex
	heard []*http.Request
}

func newEavesdropper(t *testing.T) *eavesdropper {
	t.Helper()
	e := new(eavesdropper)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, r.Clone(t.Context()))
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<p>%s", r.Header.Get("X-User-Token")) // it says what it was told
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *eavesdropper) all() []*http.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard
}

const eavesdropped = `
targets: { monolith: { url: "http://MONOLITH" }, s: { url: "http://127.0.0.1:1" }, canary: { url: "SHADOW" } }
monolith: monolith
routes:
  - { name: tickets, match: "GET /tickets/{rest...}", service: s, owner: o, fallback: [], identity: { audience: desk, header: X-User-Token }, shadow: { target: canary } }
  - { name: faq, match: "GET /faq/{rest...}", owner: o, shadow: { target: canary } }
`

// A shadow that wants to know more than it should: with the real Django, whose
// cookies have other names than usual, and through the built binary. It hears a
// token for itself and no cookie; and neither cookie nor token lie anywhere.
func TestAShadowHearsNoSecret(t *testing.T) {
	t.Parallel()
	desk := testbed.StartHelpdesk(t, `SESSION_COOKIE_NAME = "__Host-desk"`, `CSRF_COOKIE_NAME = "desk_csrf"`)
	shadow := newEavesdropper(t)
	k := &known{t: t, desk: desk, database: desk.Database()}
	k.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin, `identity {
			issuer http://`+address+`
			sessions django {
				secret_key demo-key-that-protects-nothing
				engine db sqlite://`+k.database+`
				cookie __Host-desk
				csrf_cookie desk_csrf
			}
		}`), strings.NewReplacer("MONOLITH", desk.Address, "SHADOW", shadow.URL).Replace(eavesdropped)
	})
	anonymous := k.browser()
	anonymous.get("/tickets/")
	if one := shadowed(t, k.proxy, "tickets", 1); one.Buckets["skipped_no_identity"] != 1 || len(shadow.all()) != 0 {
		t.Fatalf("a request of nobody: %v, heard %v", one.Buckets, shadow.all())
	}

	anna := k.browser()
	anna.login("anna", "helpdesk")
	before := shadowed(t, k.proxy, "tickets", k.sampled("tickets")).Sampled
	for range 5 {
		anna.get("/tickets/")
		anna.get("/faq/")
	}
	shadowed(t, k.proxy, "tickets", before+5)
	shadowed(t, k.proxy, "faq", k.sampled("faq"))
	tokens := k.overheard(shadow)
	site, err := url.Parse(anna.base)
	if err != nil {
		t.Fatal(err)
	}
	cookies := anna.client.Jar.Cookies(site)
	if len(cookies) < 2 {
		t.Fatalf("the cookies of anna: %v", cookies)
	}
	secrets := tokens
	for _, cookie := range cookies {
		secrets = append(secrets, cookie.Value)
		for _, r := range shadow.all() {
			if heard := fmt.Sprint(r.URL, r.Header); strings.Contains(heard, cookie.Value) || strings.Contains(heard, cookie.Name) {
				t.Errorf("the shadow heard a cookie: %s", heard)
			}
		}
	}
	told := k.proxy.MustCommand(t, "shadow", "report", "--json") + k.proxy.MustCommand(t, "shadow", "samples", "--route", "tickets", "--json")
	if !strings.Contains(told, "curl ") {
		t.Errorf("no sample is kept:\n%s", told)
	}
	k.proxy.Stop() // all that it keeps is written
	for _, secret := range secrets {
		holds(t, k, secret)
		if strings.Contains(told, secret) {
			t.Error("the report holds a secret")
		}
	}
}

// sampled is how many requests of a route were sampled.
func (k *known) sampled(route string) uint64 {
	for _, one := range k.proxy.Shadow(k.t).Routes {
		if one.Route == route {
			return one.Sampled
		}
	}
	return 0
}

// overheard verifies the tokens that the shadow was told, with a library of others.
func (k *known) overheard(shadow *eavesdropper) (tokens []string) {
	k.t.Helper()
	provider, err := oidc.NewProvider(k.t.Context(), "http://"+k.proxy.Address)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, r := range shadow.all() {
		text := r.Header.Get("X-User-Token")
		if strings.HasPrefix(r.URL.Path, "/faq/") {
			if text != "" {
				k.t.Error("a route without tokens has one")
			}
			continue
		}
		verified, err := provider.Verifier(&oidc.Config{ClientID: "canary"}).Verify(k.t.Context(), text)
		if err != nil {
			k.t.Fatalf("%v in %v", err, r.Header)
		}
		var claims struct{ Shadow bool }
		if err := verified.Claims(&claims); err != nil || !claims.Shadow {
			k.t.Errorf("a token that does not say that it is a shadow's: %v, %v", claims, err)
		}
		if _, err := provider.Verifier(&oidc.Config{ClientID: "desk"}).Verify(k.t.Context(), text); err == nil {
			k.t.Error("the shadow's token is good for the service")
		}
		tokens = append(tokens, text)
	}
	if len(tokens) == 0 {
		k.t.Error("no token came to the shadow")
	}
	return tokens
}
