package proxy

import (
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// hopByHop reports whether a field is for one connection only (RFC 9110, 7.6.1,
// and those that clients sent before it).
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// outgoing makes the header of the request to the target: the client's without
// what stays on its connection and what it may not claim, and ours. The values
// are the client's own slices, which nobody changes.
func (x *exchange) outgoing() http.Header {
	in := x.in.Header
	h := make(http.Header, len(in)+3+len(x.call.Fields))
	for name, values := range in {
		if !hopByHop(name) && !x.forbidden(name) && !x.call.sets(name) {
			h[name] = values
		}
	}
	for _, options := range in["Connection"] {
		for option := range strings.SplitSeq(options, ",") {
			delete(h, http.CanonicalHeaderKey(textproto.TrimString(option)))
		}
	}
	// From here on nothing of the client's can take anything away.
	if te := in["Te"]; te != nil && httpguts.HeaderValuesContainsToken(te, "trailers") {
		h["Te"] = []string{"trailers"}
	}
	if x.upgrade {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, in["Upgrade"]
	}
	if !idempotent(x.in.Method) {
		hideIdempotencyKey(h)
	}
	x.setForwarded(h)
	x.call.setHeader(h, x.values[2:3:3])
	return h
}

// Outgoing makes the header of a copy of a request from its client's, by the
// rules of a request that a target serves. The values are the client's own slices.
func Outgoing(method, host string, h http.Header, c Client) http.Header {
	x := &exchange{call: Call{Client: c}, in: &http.Request{Method: method, Host: host, Header: h}}
	return x.outgoing()
}

// setHeader sets what the call says; id is room for one value.
func (c *Call) setHeader(h http.Header, id []string) {
	if c.RequestID != "" {
		id[0] = c.RequestID
		h["X-Request-Id"] = id
	}
	for _, f := range c.Fields {
		if f.Values == nil {
			delete(h, f.Name)
			continue
		}
		h[f.Name] = f.Values
	}
}

// applied is a copy of r for an upstream that is no Target, with what the call
// says: such an upstream knows nothing of calls, may change what it gets, and
// removes the fields that the client's Connection names.
func (c *Call) applied(r *http.Request) *http.Request {
	out := r.Clone(r.Context())
	if c.Path != "" {
		out.URL.Path, out.URL.RawPath = c.Path, c.RawPath
		out.RequestURI = out.URL.RequestURI()
	}
	for i, options := range out.Header["Connection"] {
		var kept []string
		for option := range strings.SplitSeq(options, ",") {
			if !c.has(http.CanonicalHeaderKey(textproto.TrimString(option))) {
				kept = append(kept, option)
			}
		}
		out.Header["Connection"][i] = strings.Join(kept, ",")
	}
	c.setHeader(out.Header, make([]string, 1))
	return out
}

// wantsWebSocket reports whether a request asks for the only upgrade that is let
// through: over h2c or TLS a client could send requests that no route is asked
// about. RFC 9110, 7.8: an Upgrade may always be ignored.
func wantsWebSocket(h http.Header) bool {
	upgrade := h["Upgrade"]
	return len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") &&
		httpguts.HeaderValuesContainsToken(h["Connection"], "Upgrade")
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
