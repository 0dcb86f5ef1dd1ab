package shadow

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Words by which the name of a header says that it proves who somebody is: some
// as a part of a longer one (X-Accesstoken), some alone (X-Auth, X-Author).
var (
	credentialParts = texts(
		"authoriz", "authoris", "authent", "oauth", "token", "secret", "passw", "session", "jwt", "credential",
		"csrf", "xsrf", "cookie", "assertion", "signature", "apikey")
	credentialWords = texts("auth", "key", "sid", "otp", "pin")
)

func texts(all ...string) (out [][]byte) {
	for _, one := range all {
		out = append(out, []byte(one))
	}
	return out
}

// Credential tells whether a header, by its name, may be what somebody is known
// or let in by, or a copy of it: Authorization, X-Api-Key, X-Csrftoken. Any doubt
// is a yes, for such headers are kept from services that only compare. Cookie is
// no such header: it has names of its own.
func Credential(name string) bool {
	var room [64]byte // for each field of each comparison: no allocation
	lower := room[:0]
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	if string(lower) == "cookie" || string(lower) == "idempotency-key" { // the second is no secret: draft-ietf-httpapi-idempotency-key-header
		return false
	}
	for _, part := range credentialParts {
		if bytes.Contains(lower, part) {
			return true
		}
	}
	for _, word := range credentialWords {
		if hasWord(lower, word) {
			return true
		}
	}
	return false
}

// hasWord tells whether a name has a word, alone or between what parts words.
func hasWord(name, word []byte) bool {
	for len(name) > 0 {
		end := bytes.IndexFunc(name, separates)
		if end < 0 {
			return bytes.Equal(name, word)
		}
		if bytes.Equal(name[:end], word) {
			return true
		}
		name = name[end+1:]
	}
	return false
}

// separates tells whether a byte parts the words of a header's name; servers read
// _ and . as - (CGI).
func separates(r rune) bool { return r == '-' || r == '_' || r == '.' }

// withhold takes out of h, which must be the caller's own, what a service does not
// hear of a request of which nobody waits for its answer.
func (p *plan) withhold(h http.Header) {
	for name := range h {
		if Credential(name) && !p.keeps(name) {
			delete(h, name)
		}
	}
	for _, name := range pageHeaders {
		if of := h[name]; len(of) != 0 && !p.keeps(name) {
			h[name] = origins(of)
		}
	}
	var kept []string
	for _, line := range h["Cookie"] {
		if line = p.keptOf(line); line != "" {
			kept = append(kept, line)
		}
	}
	if kept == nil {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

func (p *plan) keeps(header string) bool {
	return slices.ContainsFunc(p.KeepHeaders, func(kept string) bool { return strings.EqualFold(kept, header) })
}

// pageHeaders name the page that a request came from. Its address is no part of what
// is asked, and may let somebody in: a link that sets a password anew, a token in a query.
var pageHeaders = [...]string{"Referer", "Hx-Current-Url"}

// origins are of pages what browsers tell other sites of them: scheme, host and port
// (Referrer Policy, "strict-origin"). What is no such page is left out.
func origins(pages []string) (out []string) {
	for _, page := range pages {
		if u, err := url.Parse(page); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
			out = append(out, u.Scheme+"://"+u.Host+"/")
		}
	}
	return out
}

// keptOf is of a Cookie line what the service hears; that is as it was.
func (p *plan) keptOf(line string) string {
	var kept []string
	for pair := range strings.SplitSeq(line, ";") {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(p.KeepCookies, strings.Trim(name, " \t")) {
			kept = append(kept, strings.TrimSpace(pair))
		}
	}
	return strings.Join(kept, "; ")
}
