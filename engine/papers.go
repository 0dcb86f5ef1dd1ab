package engine

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/routes"
)

// papers are what a service gets to know of who a request is from. Lanes that ask for
// the same share them, and they never change.
type papers struct {
	route   routes.Identity
	service *token.Service // nil: no token
	shadow  *token.Service // the same for mirrored requests, whose tokens say so
	bare    bool           // the token goes without Bearer
	strip   []string       // cookies that the service does not get
}

// shadowClaim is what the tokens of mirrored requests say beside all else: whoever
// acts on one, as by sending a mail, can leave that.
const shadowClaim = "shadow"

// office makes the papers of a table, and finds the routes that ask for what there is not. What thousands of routes ask for alike is there
// once: most tables have few services, and the garbage collector walks all that is
// there.
type office struct {
	whois *whois
	made  map[string]*papers // by what decides what they are
}

// newOffice may have no whois.
func newOffice(w *whois) *office { return &office{w, map[string]*papers{}} }

// papers are those of a route with a service; nil without an identity.
func (o *office) papers(r *routes.Route) (*papers, error) {
	if o.whois == nil || r.Service == "" {
		return nil, nil //nolint:nilnil // see above
	}
	kind := struct {
		Service, Shadow string
		Identity        *routes.Identity
	}{Service: r.Service, Shadow: r.Service}
	if r.Shadow != nil {
		kind.Shadow = shadowOf(r)
	}
	if r.Identity != nil {
		asked := *r.Identity
		asked.Line = 0 // nothing depends on it
		kind.Identity = &asked
	}
	text, err := json.Marshal(kind)
	if err != nil {
		return nil, err
	}
	if made := o.made[string(text)]; made != nil {
		return made, nil
	}
	made, err := o.whois.papersOf(kind.Identity, kind.Service, kind.Shadow)
	if err == nil {
		o.made[string(text)] = made
	}
	return made, err
}

// papersOf makes papers for a service and the one that its requests are mirrored to.
// After an error they are without a token.
func (w *whois) papersOf(i *routes.Identity, service, shadow string) (*papers, error) {
	p := &papers{route: routes.Identity{Token: routes.TokenNone, CSRF: routes.CSRFOff}}
	if i != nil {
		p.route = *i
	}
	if !p.route.KeepCookie {
		p.strip = w.cookies
	}
	if p.route.Token == routes.TokenNone {
		return p, nil
	}
	p.bare = p.route.Header != routes.DefaultTokenHeader
	return p, w.tokens(p, service, shadow)
}

// tokens makes what mints the papers' tokens, and those of mirrored requests.
func (w *whois) tokens(p *papers, service, shadow string) error {
	o := token.ServiceOptions{Audience: cmp.Or(p.route.Audience, service), Profile: token.Profile(p.route.Profile), Claims: map[string]token.Claim{}}
	for name, attribute := range p.route.Claims {
		o.Claims[name] = token.Claim{Attribute: attribute}
	}
	own, err := w.Ring.Service(o)
	if err != nil {
		return err
	}
	o.Claims = maps.Clone(o.Claims)
	o.Claims[shadowClaim] = token.Claim{Value: true}
	if shadow != service {
		o.Audience = shadow // or it could be shown to the service in a user's name
	}
	if p.shadow, err = w.Ring.Service(o); err == nil {
		p.service = own
	}
	return err
}

// unknown are the problems of a table that needs to know more of who requests are
// from than the configuration says.
func (o *office) unknown(path string, table *routes.Table) (problems routes.Problems) {
	w := o.whois
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
			o.check(r, add)
		}
	}
	return problems
}

// check finds what one route asks for in vain.
func (o *office) check(r *routes.Route, add func(code, text, message, hint string)) {
	known := func(attribute string) {
		if o.whois.Attributes != nil && attribute != "user_id" && !slices.Contains(o.whois.Attributes, attribute) {
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
	if r.Identity.Anonymous == routes.AnonymousLogin && o.whois.LoginURL == "" {
		add(routes.CodeNoLogin, "login", "the Caddyfile does not say where to sign in", "add login_url /accounts/login/ to its identity block")
	}
	if r.Identity.CSRF == routes.CSRFDjango && o.whois.CSRFCookie == "" {
		add(routes.CodeNoDjango, "django", "these sessions are not Django's, so there is no cookie to hold a request against", "write csrf: origin")
	}
	if _, err := o.papers(r); err != nil {
		add(routes.CodeBadIdentity, "", err.Error(), "see docs/sessions.md")
	}
}
