package engine

import (
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// stickyKey is what a request is sticky by.
type stickyKey struct {
	// text is the key; empty means there is none.
	text string
	// source says where it came from, for explanations; never the key itself.
	source string
	// cookie is the value of a visitor cookie to set on the answer; empty when
	// the client has one.
	cookie string
}

// keyOf reads a request's sticky key; for a visitor without a cookie it makes a
// new ID, which decides this request already, so that nobody changes sides
// between the first and the second page.
func (e *Engine) keyOf(by routes.Sticky, r *http.Request, c *proxy.Client) stickyKey {
	switch by.By {
	case routes.StickyUser, routes.StickyVisitor:
		return e.visitorKey(r)
	case routes.StickyIP:
		return found(c.IP, "client address")
	case routes.StickyHeader:
		value, _ := single(r.Header[by.Name])
		return found(value, "header "+by.Name)
	case routes.StickyCookie:
		return found(cookie(r.Header["Cookie"], by.Name), "cookie "+by.Name)
	}
	return stickyKey{source: "nothing known"}
}

func (e *Engine) visitorKey(r *http.Request) stickyKey {
	visitors := e.visitors.Load()
	if visitors == nil {
		return stickyKey{source: "visitor cookie: its key is not known yet"}
	}
	if id, ok := visitors.Read(r); ok {
		return stickyKey{text: id, source: "visitor cookie"}
	}
	id, value := visitors.Mint()
	return stickyKey{text: id, source: "visitor cookie: new", cookie: value}
}

func found(key, source string) stickyKey {
	return stickyKey{text: key, source: source}
}

// single is the one value that all of values agree on.
func single(values []string) (value string, ok bool) {
	if len(values) == 0 {
		return "", false
	}
	for _, other := range values[1:] {
		if other != values[0] {
			return "", false
		}
	}
	return values[0], true
}

// cookie is the value of the cookie of that name; empty when it is not there or
// is there with different values, of which a server may take either.
// (RFC 6265 §5.4: which of two cookies comes first is up to the client.)
func cookie(lines []string, name string) string {
	value, seen := "", false
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			have, rest, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if !ok || have != name {
				continue
			}
			if seen && rest != value {
				return ""
			}
			value, seen = rest, true
		}
	}
	return value
}
