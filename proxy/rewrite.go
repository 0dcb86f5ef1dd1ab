package proxy

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// refuse finds requests that must not or cannot be forwarded: asking a target
// would only look as if the target had failed.
func refuse(r *http.Request) *Failure {
	switch {
	case r.Method == http.MethodConnect:
		return clientFailure(http.StatusMethodNotAllowed, errConnect)
	case !httpguts.ValidHeaderFieldName(r.Method):
		return clientFailure(http.StatusBadRequest, errMethod)
	case !httpguts.ValidHostHeader(r.Host):
		return clientFailure(http.StatusBadRequest, errHost)
	// HTTP/2 clients can put spaces into the target, which would then stand in
	// the middle of an HTTP/1.1 request line.
	case r.URL.Opaque != "", strings.Contains(r.URL.RawPath, " "), strings.Contains(r.URL.RawQuery, " "):
		return clientFailure(http.StatusBadRequest, errTarget)
	}
	for name := range r.Trailer {
		if !httpguts.ValidHeaderFieldName(name) {
			return clientFailure(http.StatusBadRequest, errTrailer)
		}
	}
	return nil
}

// idempotent are the methods that may be sent twice (RFC 9110, 9.2.2).
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// rewrite makes the outgoing request out of a clone of the client's without
// hop-by-hop and forwarded fields.
func rewrite(pr *httputil.ProxyRequest) {
	x := pr.In.Context().(*exchange)
	out := pr.Out
	setTarget(out.URL, pr.In.URL, pr.In.Host, x.call)
	x.trailer = out.Trailer
	x.allowUpgrade(out.Header)
	x.setForwarded(out.Header)
	if !idempotent(out.Method) {
		hideIdempotencyKey(out.Header)
	}
	if id := x.call.RequestID; id != "" {
		x.values[2] = id
		out.Header["X-Request-Id"] = x.values[2:3:3]
	}
	for name, values := range x.call.Header {
		if values == nil {
			delete(out.Header, name)
			continue
		}
		out.Header[name] = values
	}
}

// setTarget makes u write the same bytes as in, or the call's path.
func setTarget(u, in *url.URL, host string, c *Call) {
	u.User = nil
	u.RawQuery = in.RawQuery // the ReverseProxy has cleaned it
	if c.Path != "" {
		u.Path, u.RawPath = c.Path, c.RawPath
	}
	if u.RawPath == "" || u.EscapedPath() == u.RawPath {
		return
	}
	// net/url would encode the path anew, as some bytes of it should have been
	// encoded. Where RawPath is no encoding of Path at all, it is right.
	if path, err := url.PathUnescape(u.RawPath); err != nil || path != u.Path {
		return
	}
	u.Opaque = u.RawPath
	if strings.HasPrefix(u.RawPath, "//") {
		// Only with a host, in absolute form, does this mean the same.
		u.Opaque = "//" + host + u.RawPath
	}
}

// allowUpgrade lets WebSockets through and nothing else: over h2c or TLS a
// client could send requests that no route is asked about (RFC 9110, 7.8: an
// Upgrade may always be ignored).
func (x *exchange) allowUpgrade(h http.Header) {
	protocol, ok := h["Upgrade"]
	if !ok {
		return
	}
	if len(protocol) == 1 && strings.EqualFold(protocol[0], "websocket") {
		x.upgrade = true
		return
	}
	delete(h, "Upgrade")
	delete(h, "Connection")
}

// hideIdempotencyKey respells fields that make http.Transport send a request
// with an unsafe method twice.
func hideIdempotencyKey(h http.Header) {
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
}
