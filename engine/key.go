package engine

import (
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// stickyKey is what a request is sticky by.
type stickyKey struct {
	// text is the key; empty means there is none.
	text string
	// source says where it was looked for, without the name of a header or
	// cookie; for explanations.
	source string
	// cookie is the value of a visitor cookie to set on the answer; empty when
	// the client has one.
	cookie string
	// person is who the request is from, when that was asked.
	person *identity.Person
	// refused says why there is no key though there may be a user: the monolith
	// serves.
	refused routes.Reason
	// login is the value of a carry cookie to set on the answer; logout says that
	// it is to be taken away.
	login  string
	logout bool
}

// from is where the key was looked for, in full; empty when it was not.
func (k stickyKey) from(by routes.Sticky) string {
	if k.source == "" {
		return ""
	}
	return strings.TrimSpace(k.source + " " + by.Name)
}

// keyOf reads a request's sticky key; for a visitor without a cookie it makes a
// new ID, which decides this request already, so that nobody changes sides
// between the first and the second page.
func (e *Engine) keyOf(by routes.Sticky, r *http.Request, c *proxy.Client) stickyKey {
	switch by.By {
	case routes.StickyUser:
		return e.userKey(r)
	case routes.StickyVisitor:
		return e.visitorKey(r)
	case routes.StickyIP:
		return stickyKey{text: c.IP, source: "client address"}
	case routes.StickyHeader:
		return stickyKey{text: single(r.Header[by.Name]), source: "header"}
	case routes.StickyCookie:
		value, _, _ := cookie(r.Header["Cookie"], by.Name)
		return stickyKey{text: value, source: "cookie"}
	}
	return stickyKey{source: "nothing that is known here"}
}

func (e *Engine) visitorKey(r *http.Request) stickyKey {
	visitors := e.visitors.Load()
	if visitors == nil {
		return stickyKey{source: "visitor cookie: its key is not known yet"}
	}
	if id, ok := visitors.Read(r); ok {
		return stickyKey{text: id, source: "visitor cookie"}
	}
	if _, there, agree := cookie(r.Header["Cookie"], identity.VisitorCookie); there && !agree {
		// Another site of the domain may have put one there. A cookie of ours
		// would not take it away, and a new ID with each request would toss
		// each time.
		return stickyKey{source: "visitor cookie: there with different values"}
	}
	id, value := visitors.Mint()
	return stickyKey{text: id, source: "visitor cookie: a new one", cookie: value}
}

// single is the value that all of values agree on; empty when there is none.
func single(values []string) string {
	for i, value := range values {
		if value != values[0] {
			return ""
		}
		if i == len(values)-1 {
			return value
		}
	}
	return ""
}

// cookie is the value of the cookie of that name, as it stands. It may be there
// more than once, or without a =, which some servers take for an empty one: then,
// unless all agree, its value is empty, for which one a server takes is up to
// the server (RFC 6265, section 4.2.2).
func cookie(lines []string, name string) (value string, there, agree bool) {
	agree = true
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			have, val, _ := strings.Cut(pair, "=")
			if strings.Trim(have, " \t") != name {
				continue
			}
			val = strings.Trim(val, " \t")
			if there && val != value {
				return "", true, false
			}
			value, there = val, true
		}
	}
	return value, there, agree
}
