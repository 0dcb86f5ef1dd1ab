package engine

import (
	"io"
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/telemetry"
)

// ourHeaders is the prefix of every header that only Strangler may set, as it
// looks after lower-casing and with every underscore as a dash: servers behind
// CGI or WSGI cannot tell x_strangler_user from X-Strangler-User.
const ourHeaders = "x-strangler"

// removeForgeable takes out what a client could use to pass for us: our headers
// in any spelling, also as announced trailers, and the names of our headers and
// of those of correlation from Connection, where they would make the next hop
// drop what we set (RFC 9110 §7.6.1). In baggage, what names itself a flag of ours.
// Headers that g knows are taken as ours.
func removeForgeable(r *http.Request, g *guard) {
	removeOurs(r.Header, g)
	removeTrailers(r.Trailer, g)
	flags.CleanBaggage(r.Header)
	for _, value := range r.Header["Connection"] {
		if namesProtected(value, g) {
			keepConnection(r.Header, g)
			return
		}
	}
}

func removeOurs(h http.Header, g *guard) {
	for name := range h {
		if isOurs(name) || g.has(name) {
			delete(h, name)
		}
	}
}

// removeTrailers also takes out what says who a request is from, where that is
// known: a trailer must not (RFC 9110, section 6.5.1), and a server that merges
// them into the headers would find the client's word there beside ours.
func removeTrailers(h http.Header, g *guard) {
	removeOurs(h, g)
	if g == nil {
		return
	}
	for name := range h {
		if sameName("authorization", name) || sameName("proxy-authorization", name) || sameName("cookie", name) {
			delete(h, name)
		}
	}
}

// guardTrailers is r, or a copy whose body takes our names out of the trailers
// when they have come: net/http adds those that were not announced, too. It
// only does so where some were announced; otherwise no copy of r has them.
func guardTrailers(r *http.Request, g *guard) *http.Request {
	if r.Trailer == nil {
		return r
	}
	guarded := r.WithContext(r.Context())
	guarded.Body = &guardedBody{ReadCloser: r.Body, trailer: r.Trailer, guard: g}
	return guarded
}

type guardedBody struct {
	io.ReadCloser
	trailer http.Header
	guard   *guard
}

// Read implements io.Reader.
func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		removeTrailers(b.trailer, b.guard)
	}
	return n, err
}

// isOurs reports whether a header name begins with ourHeaders and ends there or
// goes on after a dash, an underscore or a dot.
func isOurs(name string) bool {
	if len(name) < len(ourHeaders) || name[0]|0x20 != 'x' {
		return false
	}
	for i := range len(ourHeaders) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c == '_' || c == '.' {
			c = '-'
		}
		if c != ourHeaders[i] {
			return false
		}
	}
	return len(name) == len(ourHeaders) || strings.IndexByte("-_.", name[len(ourHeaders)]) >= 0
}

func namesProtected(value string, g *guard) bool {
	for token := range strings.SplitSeq(value, ",") {
		if isProtected(strings.TrimSpace(token), g) {
			return true
		}
	}
	return false
}

func isProtected(name string, g *guard) bool {
	return isOurs(name) || g.has(name) || strings.EqualFold(name, telemetry.RequestIDHeader) ||
		strings.EqualFold(name, flags.BaggageHeader) || strings.EqualFold(name, "traceparent") || strings.EqualFold(name, "tracestate")
}

// keepConnection rewrites Connection without the protected names.
func keepConnection(h http.Header, g *guard) {
	var kept []string
	for _, value := range h["Connection"] {
		for token := range strings.SplitSeq(value, ",") {
			if token = strings.TrimSpace(token); token != "" && !isProtected(token, g) {
				kept = append(kept, token)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}
