package engine

import (
	"cmp"
	"fmt"
	"maps"
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

// papers are what a lane's service gets to know of who a request is from.
type papers struct {
	name    string
	route   routes.Identity
	service *token.Service // nil: no token
	shadow  *token.Service // the same for mirrored requests, whose tokens say so
	bare    bool           // the token goes without Bearer
	strip   []string       // cookies that the service does not get
}

// shadowClaim is what the tokens of mirrored requests say beside all else: whoever
// acts on one, as by sending a mail, can leave that.
const shadowClaim = "shadow"

// papersOf makes the papers of a route with a service; nil without an identity.
func (w *whois) papersOf(r *routes.Route) (*papers, error) {
	if w == nil || r.Service == "" {
		return nil, nil //nolint:nilnil // see above
	}
	p := &papers{name: r.Name, route: routes.Identity{Token: routes.TokenNone, CSRF: routes.CSRFOff}}
	if r.Identity != nil {
		p.route = *r.Identity
	}
	if !p.route.KeepCookie {
		p.strip = append(p.strip, w.Resolver.Names()...)
		if w.CSRFCookie != "" {
			p.strip = append(p.strip, w.CSRFCookie)
		}
		p.strip = append(p.strip, identity.CarryCookie)
	}
	if p.route.Token == routes.TokenNone {
		return p, nil
	}
	p.bare = p.route.Header != routes.DefaultTokenHeader
	var err error
	p.service, p.shadow, err = w.services(r, p.route)
	return p, err // without a service after an error; the monolith serves
}

// services make a route's tokens, and those of its mirrored requests.
func (w *whois) services(r *routes.Route, i routes.Identity) (service, shadow *token.Service, err error) {
	o := token.ServiceOptions{Audience: cmp.Or(i.Audience, r.Service), Profile: token.Profile(i.Profile), Claims: map[string]token.Claim{}}
	for name, attribute := range i.Claims {
		o.Claims[name] = token.Claim{Attribute: attribute}
	}
	if service, err = w.Ring.Service(o); err != nil {
		return nil, nil, err
	}
	o.Claims = maps.Clone(o.Claims)
	o.Claims[shadowClaim] = token.Claim{Value: true}
	if r.Shadow != nil && shadowOf(r) != r.Service {
		o.Audience = shadowOf(r) // or it could be shown to the service in a user's name
	}
	shadow, err = w.Ring.Service(o)
	return service, shadow, err
}

// unknown are the problems of a table that needs to know more of who requests are
// from than the configuration says.
func (w *whois) unknown(path string, table *routes.Table) (problems routes.Problems) {
	login := w.loginRoute(table)
	for _, entry := range table.Routes() {
		r := entry.Route
		at := r.Place()
		if r.Identity != nil {
			at = r.Identity.Place()
		}
		add := func(code, text, message, hint string) {
			problems = append(problems, routes.Problem{
				Code: code, Severity: routes.Error, File: path, Line: at.Line, Column: at.Column, Route: r.Name, Text: text, Message: message, Hint: hint,
			})
		}
		switch {
		case !r.UsesIdentity():
		case w == nil:
			add(routes.CodeNoIdentity, "identity", "the route needs to know who requests are from, and the Caddyfile does not say whose sessions to read",
				"add identity { issuer …; sessions … } to the global option strangler, or take identity out of the route")
		case r == login && r.Identity != nil && r.Identity.Anonymous == routes.AnonymousLogin:
			add(routes.CodeBadIdentity, w.LoginURL, "the login page is in this route, which sends there whoever is not signed in: nobody could sign in",
				"give it a route of its own that names no service, or write anonymous: monolith")
		default:
			w.check(r, add)
		}
	}
	return problems
}

// check finds what one route asks for in vain.
func (w *whois) check(r *routes.Route, add func(code, text, message, hint string)) {
	known := func(attribute string) {
		if w.Attributes != nil && attribute != "user_id" && !slices.Contains(w.Attributes, attribute) {
			add(routes.CodeNotRead, attribute, "the Caddyfile's sessions do not read this of a user", "name it there (columns of users, claims of the session), or take it out here")
		}
	}
	for _, a := range r.FlagAttributes {
		if a.From == routes.FromClaim {
			known(a.Claim)
		}
	}
	if r.Identity == nil {
		return
	}
	for _, attribute := range r.Identity.Claims {
		known(attribute)
	}
	if r.Identity.Anonymous == routes.AnonymousLogin && w.LoginURL == "" {
		add(routes.CodeNoLogin, "login", "the Caddyfile does not say where to sign in", "add login_url /accounts/login/ to its identity block")
	}
	if r.Identity.CSRF == routes.CSRFDjango && w.CSRFCookie == "" {
		add(routes.CodeNoDjango, "django", "these sessions are not Django's, so there is no cookie to hold a request against", "write csrf: origin")
	}
	if r.Service == "" || r.Identity.Token == routes.TokenNone {
		return
	}
	if _, _, err := w.services(r, *r.Identity); err != nil {
		add(routes.CodeBadIdentity, "", err.Error(), "see docs/sessions.md")
	}
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
