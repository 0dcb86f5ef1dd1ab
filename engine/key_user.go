package engine

import (
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/proxy"
)

// userKey is the key of who is signed in: the user's ID, so that a user is on one
// side whatever browser they use; for everybody else the visitor's. Who signs in
// with a visitor's ID stays for a while on the side that it has (ADR 0016).
func (e *Engine) userKey(r *http.Request) stickyKey {
	if e.identity == nil {
		return e.visitorKey(r)
	}
	now := e.now()
	person := e.identity.Resolver.Resolve(r.Context(), r.Header, now)
	if person.State != session.Known {
		if person.State == session.Unavailable {
			return stickyKey{source: "session: " + string(person.Reason), person: person, refused: reasonOf(person)}
		}
		key := e.visitorKey(r)
		key.person, key.logout = person, identity.HasCarry(r)
		return key
	}
	key := stickyKey{text: person.Subject(), source: "user of the session", person: person}
	visitors := e.visitors.Load()
	if visitors == nil {
		return key
	}
	id, visited := visitors.Read(r)
	if !visited {
		return key
	}
	until, there := visitors.Carry(r, id)
	if !there {
		until = now.Add(identity.CarryFor)
		key.login = visitors.NewCarry(id, until)
	}
	if now.Before(until) {
		key.text, key.source = id, "visitor cookie from before the login"
	}
	return key
}

// glanceUser is userKey without a lookup or a signature checked.
func (e *Engine) glanceUser(r *http.Request, now time.Time) (key string, otherwise recent.Key) {
	var person *identity.Person
	if e.identity != nil {
		value, known, ok := e.identity.Resolver.Find(r.Header)
		if person = known; ok {
			person = e.identity.Resolver.Glance(value, now)
		}
		if person == nil || person.State == session.Unavailable {
			return "", recent.KeyMissing
		}
	}
	id, visited := identity.Claimed(r)
	if subject := person.Subject(); subject != "" {
		if until, there := identity.ClaimedCarry(r); !visited || there && !now.Before(until) {
			return subject, recent.KeyBucket
		}
	}
	if visited {
		return id, recent.KeyBucket
	}
	return "", recent.KeyNewVisitor
}

// setCookies sets what a key needs the client to keep.
func (k *stickyKey) setCookies(w http.ResponseWriter, e *Engine, c *proxy.Client, r *http.Request) {
	if k.cookie == "" && k.login == "" && !k.logout {
		return
	}
	visitors, secure := e.visitors.Load(), secure(c, r.Header)
	if visitors == nil {
		return
	}
	if k.cookie != "" {
		http.SetCookie(w, visitors.Cookie(k.cookie, secure))
	}
	if k.login != "" || k.logout {
		http.SetCookie(w, visitors.CarryCookie(k.login, secure))
	}
}
