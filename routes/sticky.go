package routes

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Sticky is what a rollout is sticky by: requests with the same value of it are
// always on the same side. The zero value is StickyUser.
type Sticky struct {
	By StickyBy
	// Name is the cookie's or the header's, the latter in canonical form; empty
	// for the others.
	Name string
}

// StickyBy is where the sticky key comes from.
type StickyBy uint8

// Where a sticky key comes from.
const (
	StickyUser    StickyBy = iota // who is logged in; as long as that is not known, the visitor
	StickyVisitor                 // our own first-party ID cookie
	StickyIP                      // the client's address
	StickyCookie                  // a cookie of the monolith
	StickyHeader                  // a header, such as a tenant's number
)

// stickyWords are the kinds by their word in the document.
var stickyWords = [...]string{
	StickyUser: "user", StickyVisitor: "visitor", StickyIP: "ip", StickyCookie: "cookie", StickyHeader: "header",
}

var errSticky = errors.New("there is no such key")

// parseSticky reads user, visitor, ip, cookie:NAME or header:NAME.
func parseSticky(s string) (Sticky, error) {
	word, name, named := strings.Cut(s, ":")
	for by, known := range stickyWords {
		sticky := Sticky{By: StickyBy(by), Name: name}
		if word != known || named != sticky.named() {
			continue
		}
		if !named {
			return sticky, nil
		}
		if !isToken(name) {
			return Sticky{}, fmt.Errorf("%q cannot be the name of a %s", name, word)
		}
		if sticky.By == StickyHeader {
			sticky.Name = http.CanonicalHeaderKey(name)
			if why := unusableHeaders[sticky.Name]; why != "" {
				return Sticky{}, errors.New(why)
			}
		}
		return sticky, nil
	}
	return Sticky{}, errSticky
}

// unusableHeaders never hold what a condition or a sticky key could be made of.
var unusableHeaders = map[string]string{
	"Host":              "the host is no header here: write it into `match`",
	"Cookie":            "name one cookie, not the whole header",
	"Transfer-Encoding": "this header belongs to one connection and is never seen",
	"Trailer":           "this header belongs to one connection and is never seen",
}

// named reports whether the kind needs a name.
func (s Sticky) named() bool { return s.By == StickyCookie || s.By == StickyHeader }

// String is the text that the document has: "user", "cookie:tenant".
func (s Sticky) String() string {
	if int(s.By) >= len(stickyWords) {
		return fmt.Sprintf("StickyBy(%d)", s.By)
	}
	if s.named() {
		return stickyWords[s.By] + ":" + s.Name
	}
	return stickyWords[s.By]
}

// MarshalText is String.
func (s Sticky) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// isToken reports whether s is a token (RFC 9110, 5.6.2), as names of headers
// and cookies and methods are.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}
