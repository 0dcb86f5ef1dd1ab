package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// lean is the http.RoundTripper of an endpoint that speaks HTTP/1.1 in clear.
// It asks GET and OPTIONS requests without a body in the caller's goroutine,
// where an http.Transport needs two more for each connection and hands
// everything between the three; everything else it leaves to the http.Transport
// beside it. Answers are parsed by net/http in both cases. See ADR 0008.
//
// It has its own idle connections. It is safe for concurrent use.
type lean struct {
	endpoint *endpoint
	full     *http.Transport

	mu   sync.Mutex
	idle []*leanConn // the last is the one used last
	// closeIdle: connections that become idle are closed, until the next request.
	closeIdle bool
}

// maxLeanHead is the longest request head, in bytes, that is written before the
// answer is read. Every socket takes that much at once, so a server that
// answers without reading cannot block us.
const maxLeanHead = 16 << 10

var errRequestHead = errors.New("the request is not one for lean")

// leanHeads are buffers for requests' heads.
var leanHeads = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// RoundTrip implements http.RoundTripper. A connection that was used before and
// that ends before the first byte of an answer may have been closed by the
// server just then: the request, which is safe to repeat (RFC 9110, 9.2.2 and
// RFC 9112, 9.3.1), is sent once more, on a new connection.
func (l *lean) RoundTrip(req *http.Request) (*http.Response, error) {
	if !simple(req) {
		return l.full.RoundTrip(req)
	}
	buf := leanHeads.Get().(*[]byte)
	defer leanHeads.Put(buf)
	head, err := appendHead((*buf)[:0], req)
	if err != nil {
		return l.full.RoundTrip(req) // it may refuse what we do not understand
	}
	*buf = head
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if c := l.take(); c != nil {
		res, err := c.roundTrip(req, head)
		if err == nil || !errors.Is(err, errStale) || ctx.Err() != nil {
			return res, err
		}
	}
	c, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	return c.roundTrip(req, head)
}

// simple reports whether req may be lean's; its head is appendHead's to judge.
func simple(req *http.Request) bool {
	return (req.Method == http.MethodGet || req.Method == http.MethodOptions) &&
		(req.Body == nil || req.Body == http.NoBody) && req.ContentLength == 0 &&
		!req.Close && len(req.TransferEncoding) == 0 && len(req.Trailer) == 0 &&
		req.URL != nil && req.URL.Scheme == "http" && req.URL.Host != "" && req.URL.Opaque == "" && req.Header != nil
}

// appendHead writes req's head (RFC 9112, 3 and 5) as http.Transport does, but
// with the fields in no order. It refuses all that could be read in two ways.
func appendHead(b []byte, req *http.Request) ([]byte, error) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	target := req.URL.RequestURI()
	if !plainHost(host) || !visible(target) {
		return b, errRequestHead
	}
	b = append(append(append(b, req.Method...), ' '), target...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	for name, values := range req.Header {
		switch name {
		case "Host", "Content-Length": // not the header's to say
			continue
		case "Connection", "Expect", "Trailer", "Transfer-Encoding", "Upgrade":
			return b, errRequestHead
		case "User-Agent": // one at most, and "" means none
			if len(values) == 0 || values[0] == "" {
				continue
			}
			values = values[:1]
		}
		if !httpguts.ValidHeaderFieldName(name) || http.CanonicalHeaderKey(name) != name {
			return b, errRequestHead
		}
		for _, value := range values {
			var valid bool
			if b, valid = appendValue(append(append(b, name...), ": "...), value); !valid {
				return b, errRequestHead
			}
			b = append(b, "\r\n"...)
		}
	}
	if b = append(b, "\r\n"...); len(b) > maxLeanHead {
		return b, errRequestHead
	}
	return b, nil
}

// appendValue writes a field's value without the blanks around it (RFC 9112, 5.1), and
// says whether it may stand there. It looks at what it has copied: a token comes out of
// cold memory, where copying is faster than looking.
func appendValue(b []byte, value string) (to []byte, valid bool) {
	start := len(b)
	b = append(b, value...)
	if added := b[start:]; len(added) > 0 && (blank(added[0]) || blank(added[len(added)-1])) {
		b = append(b[:start], strings.Trim(value, " \t")...)
	}
	return b, validValue(b[start:])
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// validValue reports whether a field's value has no control byte but tabs, as
// httpguts.ValidHeaderFieldValue does, eight bytes at a time: a token has hundreds.
func validValue(s []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	odd, rest := uint64(0), s
	for ; len(rest) >= 8; rest = rest[8:] {
		eight := binary.LittleEndian.Uint64(rest)
		odd |= ((eight - ones*' ') | (eight + ones)) &^ eight // a high bit for each below a blank, and for DEL
	}
	if odd&highs != 0 {
		rest = s
	}
	for _, c := range rest {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainHost reports whether host needs no other form on the wire: no IDNA, no
// zone.
func plainHost(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return host != ""
}

// visible reports whether s has no space and no control byte.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// take gives an idle connection that is still open and on which the server has
// said nothing unasked; nil when there is none.
func (l *lean) take() *leanConn {
	for {
		l.mu.Lock()
		l.closeIdle = false
		n := len(l.idle) - 1
		if n < 0 {
			l.mu.Unlock()
			return nil
		}
		c := l.idle[n]
		l.idle[n] = nil
		l.idle = l.idle[:n]
		l.mu.Unlock()
		if c.quiet() {
			c.used = true
			return c
		}
		_ = c.conn.Close()
	}
}

// put keeps c for the next request.
func (l *lean) put(c *leanConn) {
	l.mu.Lock()
	keep := !l.closeIdle && len(l.idle) < l.endpoint.limits.Idle
	if keep {
		l.idle = append(l.idle, c)
	}
	l.mu.Unlock()
	if !keep {
		_ = c.conn.Close()
	}
}

// CloseIdleConnections closes idle connections, and those in use when they
// become idle, unless there is a new request before.
func (l *lean) CloseIdleConnections() {
	l.mu.Lock()
	idle := l.idle
	l.idle, l.closeIdle = nil, true
	l.mu.Unlock()
	for _, c := range idle {
		_ = c.conn.Close()
	}
	l.full.CloseIdleConnections()
}

// dial opens a connection. A request that was canceled meanwhile says nothing
// about the endpoint, so that is no *dialError.
func (l *lean) dial(ctx context.Context) (*leanConn, error) {
	conn, err := l.endpoint.connect(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	c, err := newLeanConn(l, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	}
	return c, nil
}
