package shadow

import (
	"encoding/hex"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// clientHeader is the header as the client sent it.
func (x *Exchange) clientHeader() http.Header { return headerOf(x.header) }

// outgoing is what a side is sent, but for the mark and the token. It is the
// caller's own, its lists of values are not.
func (x *Exchange) outgoing(monolith bool) http.Header {
	if !monolith && x.heard != nil {
		return maps.Clone(x.heard)
	}
	h := x.mirror.all.options.Outgoing(x.method, x.host, x.clientHeader(), x.given.Client)
	delete(h, "Expect")
	delete(h, "Te")
	if !monolith {
		x.plan.withhold(h)
	}
	if x.given.RequestID != "" {
		h["X-Request-Id"] = []string{x.given.RequestID}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // net/http would send its own
	}
	return h
}

// request builds what a side is asked. It shares nothing with the client's. Its
// body must be stopped when all is over; it is nil when there is none.
func (x *Exchange) request(s *side, id string, token http.Header) (r *http.Request, body *payload) {
	h := x.outgoing(s.monolith)
	values := [...]string{id, ""}
	h[MarkHeader] = values[:1:1]
	if parent := h["Traceparent"]; len(parent) == 1 {
		values[1] = childOf(parent[0])
		h["Traceparent"] = values[1:]
	}
	path, raw := x.path, x.rawPath
	if !s.monolith {
		for name, values := range token {
			h[http.CanonicalHeaderKey(name)] = values
		}
		if x.plan.Rewrite != nil {
			path, raw = x.plan.Rewrite(path, raw)
		}
	}
	r = &http.Request{Method: x.method, URL: target(path, raw, x.query), Host: x.host, Header: h}
	if n := len(x.body.bytes()); n > 0 {
		body = &payload{bytes: x.body.bytes()}
		// With GetBody it may be sent anew by another connection, when the one it
		// was to go by had been closed before anything was written.
		r.GetBody, r.ContentLength = body.reader, int64(n)
		r.Body, _ = body.reader()
	}
	return r, body
}

// payload is a request's body on its way out. A transport may read it after the
// answer, when its memory holds another request's body: not after stop.
type payload struct {
	mu    sync.Mutex
	bytes []byte
}

func (p *payload) stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = nil
}

// reader reads it from the start.
func (p *payload) reader() (io.ReadCloser, error) { return &sending{payload: p}, nil }

// sending is one reader of a payload.
type sending struct {
	*payload
	at int
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at >= len(s.bytes) {
		return 0, io.EOF
	}
	n := copy(p, s.bytes[s.at:])
	s.at += n
	return n, nil
}

// Close implements io.Closer.
func (*sending) Close() error { return nil }

// target is a URL that is written as the client wrote it.
func target(path, raw, query string) *url.URL {
	u := &url.URL{Path: path, RawPath: raw, RawQuery: query}
	if raw == "" || u.EscapedPath() == raw || strings.HasPrefix(raw, "//") || strings.ContainsFunc(raw, odd) {
		return u
	}
	u.Opaque = raw
	return u
}

// odd bytes cannot stand in a request line.
func odd(r rune) bool { return r <= ' ' || r == 0x7f }

// childOf is a traceparent of the same trace with a span of its own (W3C Trace
// Context, section 3.2.2).
func childOf(parent string) string {
	if len(parent) < 55 {
		return parent
	}
	var id [8]byte
	for i, n := 0, rand.Uint64()|1; i < len(id); i++ {
		id[i] = byte(n >> (8 * i))
	}
	return parent[:36] + hex.EncodeToString(id[:]) + parent[52:]
}

// newID is a comparison's ID: 96 bits that nobody has chosen.
func newID() string {
	var id [12]byte
	a, b := rand.Uint64(), rand.Uint32()
	for i := range 8 {
		id[i] = byte(a >> (8 * i))
	}
	for i := range 4 {
		id[8+i] = byte(b >> (8 * i))
	}
	return hex.EncodeToString(id[:])
}

// endToEnd is a header without what is for one connection only (RFC 9110, 7.6.1).
func endToEnd(_, _ string, h http.Header, _ Client) http.Header {
	for _, options := range h["Connection"] {
		for option := range strings.SplitSeq(options, ",") {
			delete(h, http.CanonicalHeaderKey(strings.TrimSpace(option)))
		}
	}
	for _, name := range [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(h, name)
	}
	return h
}
