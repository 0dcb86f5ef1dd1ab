package engine

import (
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/telemetry"
)

// ourHeaders is the prefix of every header that only Strangler may set, as it
// looks after lower-casing and with every underscore as a dash: servers behind
// CGI or WSGI cannot tell x_strangler_user from X-Strangler-User.
const ourHeaders = "x-strangler"

// removeForgeable takes out what a client could use to pass for us: our headers
// in any spelling, also as declared trailers, and the names of our headers and
// of those of correlation from Connection, where they would make the next hop
// drop what we set (RFC 9110 §7.6.1).
func removeForgeable(r *http.Request) {
	for name := range r.Header {
		if isOurs(name) {
			delete(r.Header, name)
		}
	}
	for name := range r.Trailer {
		if isOurs(name) {
			delete(r.Trailer, name)
		}
	}
	for _, value := range r.Header["Connection"] {
		if len(value) >= len("traceparent") && namesProtected(value) {
			keepConnection(r.Header)
			return
		}
	}
}

// isOurs reports whether a header name begins with ourHeaders and ends there or
// goes on after a dash or an underscore.
func isOurs(name string) bool {
	if len(name) < len(ourHeaders) || name[0]|0x20 != 'x' {
		return false
	}
	for i := range len(ourHeaders) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c == '_' {
			c = '-'
		}
		if c != ourHeaders[i] {
			return false
		}
	}
	return len(name) == len(ourHeaders) || name[len(ourHeaders)] == '-' || name[len(ourHeaders)] == '_'
}

func namesProtected(value string) bool {
	for token := range strings.SplitSeq(value, ",") {
		if isProtected(strings.TrimSpace(token)) {
			return true
		}
	}
	return false
}

func isProtected(name string) bool {
	return isOurs(name) || strings.EqualFold(name, telemetry.RequestIDHeader) ||
		strings.EqualFold(name, "traceparent") || strings.EqualFold(name, "tracestate")
}

// keepConnection rewrites Connection without the protected names.
func keepConnection(h http.Header) {
	var kept []string
	for _, value := range h["Connection"] {
		for token := range strings.SplitSeq(value, ",") {
			if token = strings.TrimSpace(token); token != "" && !isProtected(token) {
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
