package engine

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/routes"
)

// Identity is who the monolith's users are, and the tokens that services get for
// them. The caller closes what it is made of after the engine.
type Identity struct {
	Resolver *identity.Resolver
	Ring     *token.Ring
	Minter   *token.Minter
	// Attributes are those that a user can have; nil: any.
	Attributes []string
	// CSRFCookie is the monolith's cookie against cross-site requests; empty: it has
	// none.
	CSRFCookie string
	// RemoveHeaders no client may send, beside our own.
	RemoveHeaders []string
	// LoginURL is where browsers sign in; empty: nowhere that is known.
	LoginURL string
	// Open makes another reader of the same sessions, by another clock; the caller
	// calls end. It is for inspecting only.
	Open func(now func() time.Time) (reader session.Reader, end func() error, err error)
	// TrustedOrigins are further origins from which writing requests may come.
	TrustedOrigins []string
}

// whois is an Identity at work.
type whois struct {
	Identity
	now      func() time.Time
	cookies  []string // the monolith's, and ours that is like them: no service needs them
	login    *url.URL // LoginURL; nil: nowhere that is known
	host     string   // of the issuer, where the keys are published
	paths    [2]string
	publish  [2]http.Handler
	origins  *http.CrossOriginProtection
	guard    *guard // of tables that name no header of their own
	rejected atomic.Uint64
	notice   atomic.Pointer[string] // about the issuer; nil: none
	changing sync.Mutex             // of the keys, by operators
}

func newWhois(i *Identity, now func() time.Time) (*whois, error) {
	if i == nil {
		return nil, nil //nolint:nilnil // without an identity nobody is known, which is no error
	}
	w := &whois{Identity: *i, now: now, origins: http.NewCrossOriginProtection(), guard: newGuard(i.RemoveHeaders)}
	for _, origin := range i.TrustedOrigins {
		if err := w.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusted_origins: %w", err)
		}
	}
	if i.Resolver != nil {
		w.cookies = slices.Clone(i.Resolver.Names())
	}
	if i.CSRFCookie != "" {
		w.cookies = append(w.cookies, i.CSRFCookie)
	}
	w.cookies = append(w.cookies, identity.CarryCookie)
	if i.LoginURL != "" {
		login, err := url.Parse(i.LoginURL)
		if err != nil {
			return nil, fmt.Errorf("login_url: %w", err)
		}
		w.login = login
	}
	issuer, err := url.Parse(i.Ring.Issuer())
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	base := strings.TrimSuffix(issuer.Path, "/")
	w.host, w.paths = routes.HostName(issuer.Host), [2]string{base + token.KeysPath, base + token.MetadataPath}
	keys := strings.TrimSuffix(i.Ring.Issuer(), "/") + token.KeysPath
	w.publish = [2]http.Handler{i.Ring.Keys(now), i.Ring.Metadata(keys, now)}
	return w, nil
}

// guardFor is the guard of a table: the configured names, and where its tokens go.
func (w *whois) guardFor(table *routes.Table) *guard {
	if w == nil {
		return nil
	}
	names := slices.Clone(w.RemoveHeaders)
	for _, entry := range table.Routes() {
		if i := entry.Route.Identity; i != nil && i.Header != routes.DefaultTokenHeader && i.Token != routes.TokenNone {
			names = append(names, i.Header)
		}
	}
	return newGuard(names)
}

// guardOf is the guard of a view; before the first table there is the configured one.
func (e *Engine) guardOf(v *view) *guard {
	switch {
	case e.identity == nil:
		return nil
	case v == nil:
		return e.identity.guard
	}
	return v.guard
}
