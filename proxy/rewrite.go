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
	case r.URL.Opaque != "", r.URL.Scheme != "" && r.URL.Host == "":
		return clientFailure(http.StatusBadRequest, errTarget)
	// HTTP/2 clients can put spaces into the target, which would then stand in
	// the middle of an HTTP/1.1 request line.
	case strings.Contains(r.URL.RawPath, " "), strings.Contains(r.URL.RawQuery, " "):
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

// rewrite makes the outgoing request. The ReverseProxy has cloned a request
// without header for it: outgoing has already done the ReverseProxy's part.
func rewrite(pr *httputil.ProxyRequest) {
	x := pr.In.Context().(*exchange)
	pr.Out.Header = x.outgoing()
	x.trailer = pr.Out.Trailer
	setTarget(pr.Out.URL, pr.In.URL, pr.In.Host, &x.call)
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
