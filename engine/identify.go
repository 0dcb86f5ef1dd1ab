package engine

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// Why the monolith serves what was its service's, or nobody does.
const (
	ReasonAmbiguousSession   routes.Reason = "ambiguous_session"   // the session's cookie is there with different values
	ReasonSessionUnavailable routes.Reason = "session_unavailable" // it cannot be found out who it is from
	ReasonAnonymous          routes.Reason = "anonymous"           // nobody is signed in: the monolith
	ReasonNoToken            routes.Reason = "no_token"            // no token could be made: the monolith
	ReasonCSRFUnclear        routes.Reason = "csrf_unclear"        // only the monolith can see whether the site sent it
	ReasonUnauthenticated    routes.Reason = "unauthenticated"     // nobody is signed in: 401
	ReasonLogin              routes.Reason = "login"               // nobody is signed in: to the login page
	ReasonCSRF               routes.Reason = "csrf"                // another site sent it: 403
	ReasonPublished          routes.Reason = "published"           // the issuer's keys
)

// reasonOf is why a person is unavailable.
func reasonOf(p *identity.Person) routes.Reason {
	if p.Reason == session.AmbiguousCookie {
		return ReasonAmbiguousSession
	}
	return ReasonSessionUnavailable
}

// passport is what a request takes along to its service, and only there: the
// monolith, should it be asked instead, gets what the client sent. It is part of
// the request's Result.
type passport struct {
	places  [3]proxy.Field // token, cookies and baggage, in place of the client's
	n       int
	value   string // of the session, if the request has one; never shown
	token   [1]string
	cookie  [1]string
	baggage [1]string
}

// asked is a request on its way: what was decided, by which key, what it takes
// along, and who sent it.
type asked struct {
	*routes.Decision
	key    *stickyKey
	pass   *passport
	client *proxy.Client
}

// keep leaves it to the monolith.
func (a asked) keep(why routes.Reason) { a.Arm, a.Reason = routes.Monolith, why }

// identify finds out who a request to a service is from, as far as its route asks
// for it, and what it takes along. In doubt it turns the decision to the monolith;
// a reason that begins an answer of our own it leaves on the service.
func (e *Engine) identify(r *http.Request, entry *routes.Entry, p *papers, a asked, now time.Time) {
	if e.identity == nil {
		if a.Arm == routes.Service && entry.Route.UsesIdentity() {
			a.keep(ReasonNoToken) // the last good table, of a configuration with an identity
		}
		return
	}
	value, nobody, found := e.identity.Resolver.Find(r.Header)
	a.pass.value = value
	if a.Arm != routes.Service {
		return
	}
	switch {
	case !found && nobody.State == session.Unavailable:
		a.keep(reasonOf(nobody))
	case p.service == nil && p.route.Token != routes.TokenNone:
		a.keep(ReasonNoToken) // as above
	case p.service == nil:
		if !p.route.KeepCookie || !found || e.genuine(r, p, a) {
			p.cookies(r, a.pass)
		}
	default:
		person := a.key.person
		if person == nil && found {
			person = e.identity.Resolver.Open(r.Context(), value, now)
		} else if person == nil {
			person = nobody
		}
		if e.admit(r, p, person, a, now) {
			p.cookies(r, a.pass)
		}
	}
}

// admit gives a request its token, or says why it does not go to the service. What
// the client sent in the token's place never goes there.
func (e *Engine) admit(r *http.Request, p *papers, person *identity.Person, a asked, now time.Time) bool {
	switch person.State {
	case session.Unavailable:
		a.keep(reasonOf(person))
		return false
	case session.Anonymous:
		a.pass.set(p.route.Header, nil)
		if p.route.Token == routes.TokenRequired {
			if a.Arm, a.Reason = p.turnAway(r); a.Reason == ReasonLogin && e.identity.isLogin(r) {
				a.keep(ReasonAnonymous)
			}
			return false
		}
		return true
	case session.Known:
	}
	if !e.genuine(r, p, a) {
		return false
	}
	minted, err := e.identity.Minter.Token(p.service, person.Prepared, now)
	if err != nil {
		a.keep(ReasonNoToken)
		e.complain(a.Route, err, now)
		return false
	}
	a.pass.token[0] = p.show(minted)
	a.pass.set(p.route.Header, a.pass.token[:])
	return true
}

// show is a token as it stands in the route's header.
func (p *papers) show(minted token.Token) string {
	if p.bare {
		return minted.Text()
	}
	return minted.Authorization()
}

// turnAway is what becomes of a request without a session.
func (p *papers) turnAway(r *http.Request) (routes.Arm, routes.Reason) {
	switch p.route.Anonymous {
	case routes.AnonymousRefused:
		return routes.Service, ReasonUnauthenticated
	case routes.AnonymousLogin:
		if navigates(r) {
			return routes.Service, ReasonLogin
		}
		return routes.Service, ReasonUnauthenticated
	case routes.AnonymousMonolith:
	}
	return routes.Monolith, ReasonAnonymous
}

// varyCookie is shared: it has no room, so that who appends to it copies it.
var varyCookie = []string{"Cookie"}

// vary tells caches, on this side's answers and the monolith's, that who is signed
// in decides on them. A service that is told by a token does not think of the
// cookie, and what it says to one user a cache must not say to another.
func (p *papers) vary(header http.Header) {
	switch {
	case p == nil || p.service == nil:
	case len(header["Vary"]) == 0:
		header["Vary"] = varyCookie
	default:
		header["Vary"] = append(header["Vary"], "Cookie")
	}
}

// navigates reports whether a browser wants to show a page.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// complain says, once a minute at most, why there are no tokens. That a session
// ends is no reason to.
func (e *Engine) complain(route string, err error, now time.Time) {
	if errors.Is(err, token.ErrEnding) || errors.Is(err, token.ErrInactive) {
		return
	}
	e.failed.say(now, func() {
		if errors.Is(err, token.ErrNoKey) {
			e.log.Warn("no key signs tokens; the monolith serves routes that need one",
				slog.Time("until", e.identity.Ring.Set().Gap(now)), slog.String("route", route))
			return
		}
		e.log.Warn("no token could be made; the monolith serves", slog.String("route", route), slog.Any("error", err))
	})
}

func (p *passport) set(name string, values []string) {
	p.places[p.n] = proxy.Field{Name: name, Values: values}
	p.n++
}

// fields are what was set.
func (p *passport) fields() []proxy.Field { return p.places[:p.n] }

// cookies takes the monolith's cookies off the request to the service.
func (p *papers) cookies(r *http.Request, pass *passport) {
	var room [512]byte // the others, which a client can send many of
	rest, stripped := room[:0], false
	for _, line := range r.Header["Cookie"] {
		for line != "" && len(p.strip) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			switch pair = strings.Trim(pair, " \t"); {
			case p.strips(pair):
				stripped = true
			case pair != "" && len(rest) > 0:
				rest = append(append(rest, "; "...), pair...)
			default:
				rest = append(rest, pair...)
			}
		}
	}
	switch {
	case !stripped:
	case len(rest) == 0:
		pass.set("Cookie", nil)
	default:
		pass.cookie[0] = string(rest)
		pass.set("Cookie", pass.cookie[:])
	}
}

// bare is a cookie's name without what frameworks may take off around it: blanks,
// also beyond ASCII, which under ASGI are single bytes (Latin-1).
func bare(name string) string {
	for name != "" && !visible(name[0]) {
		name = name[1:]
	}
	for name != "" && !visible(name[len(name)-1]) {
		name = name[:len(name)-1]
	}
	return name
}

func visible(c byte) bool { return ' ' < c && c < 0x7f }

func (p *papers) strips(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	return slices.Contains(p.strip, bare(name))
}

// askedFor is a request that is only explained.
func askedFor(d *routes.Decision, key *stickyKey, c *proxy.Client) asked {
	return asked{d, key, new(passport), c}
}
