package proxy

import (
	"net/http"
	"strings"
)

// claims are the fields by which a request claims to have been another one
// before: from another client, to another host or path. Those that start with
// X-Forwarded belong to them, too. From a peer that is no trusted proxy they
// are lies, and frameworks believe them.
var claims = map[string]bool{
	"Client-Ip":           true,
	"Forwarded":           true,
	"Front-End-Https":     true,
	"True-Client-Ip":      true,
	"X-Accel-Mapping":     true,
	"X-Accel-Redirect":    true,
	"X-Client-Ip":         true,
	"X-Cluster-Client-Ip": true,
	"X-Host":              true,
	"X-Original-Host":     true,
	"X-Original-Uri":      true,
	"X-Original-Url":      true,
	"X-Real-Ip":           true,
	"X-Rewrite-Url":       true,
	"X-Scheme":            true,
	"X-Sendfile-Type":     true,
	"X-Url-Scheme":        true,
}

func isClaim(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded") || claims[name]
}

// forbidden reports whether the peer may not claim what a field says. A name
// spelled with _ nobody may: to CGI and WSGI it is the same as ours.
func (x *exchange) forbidden(name string) bool {
	if name == "" || strings.IndexByte("XFCTxfct", name[0]) < 0 {
		return false
	}
	if strings.IndexByte(name, '_') >= 0 {
		return isClaim(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")))
	}
	return !x.call.Client.Trusted && isClaim(name)
}

// The values of X-Forwarded-Proto, shared by all requests.
var (
	protoHTTP  = []string{"http"}
	protoHTTPS = []string{"https"}
)

// setForwarded writes who the client is into h, the outgoing header, by the
// rules of Caddy's reverse_proxy: a trusted proxy's X-Forwarded-For is
// continued, its -Proto and -Host are kept; in all other cases ours are set.
//
// Forwarded (RFC 7239), which Caddy passes on as it is, is continued in the same
// way from a trusted proxy and removed from others. We do not begin one.
func (x *exchange) setForwarded(h http.Header) {
	c, in := &x.call.Client, x.in
	peer, _, _ := strings.Cut(c.RemoteIP, "%")
	proto, host := protoHTTP, in.Host
	if c.Secure {
		proto = protoHTTPS
	}
	x.values[0] = peer
	if c.Trusted {
		if prior := strings.Join(in.Header["X-Forwarded-For"], ", "); prior != "" {
			x.values[0] = prior + after(", ", peer)
		}
		if prior := lastOf(in.Header["X-Forwarded-Proto"]); prior != "" {
			proto = []string{prior}
		}
		if prior := lastOf(in.Header["X-Forwarded-Host"]); prior != "" {
			host = prior
		}
		if prior := strings.Join(in.Header["Forwarded"], ", "); prior != "" {
			h["Forwarded"] = []string{prior + after(", for=", node(peer))}
		}
	}
	x.values[1] = host
	h["X-Forwarded-Proto"] = proto
	h["X-Forwarded-Host"] = x.values[1:2:2]
	if x.values[0] != "" {
		h["X-Forwarded-For"] = x.values[0:1:1]
	}
}

func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func after(separator, s string) string {
	if s == "" {
		return ""
	}
	return separator + s
}

// node writes an address as RFC 7239, section 6, wants it.
func node(ip string) string {
	if strings.Contains(ip, ":") {
		return `"[` + ip + `]"`
	}
	return ip
}
