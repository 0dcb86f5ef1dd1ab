package proxy

import (
	"net/http"
	"slices"
	"time"
)

// Client is what the server knows of the peer that sent a request.
type Client struct {
	// IP is the client's address as computed from what trusted proxies say.
	IP string
	// RemoteIP is the address of the peer itself, without port; empty for a
	// peer that has none (a unix socket).
	RemoteIP string
	// Trusted: the peer is a proxy whose forwarded headers are believed.
	Trusted bool
	// Secure: the peer's connection is TLS.
	Secure bool
}

// Call is what one request asks of an Upstream beyond the request itself. It
// belongs to one request and must not be used twice.
type Call struct {
	Client Client
	// RequestID, when not empty, is sent as X-Request-ID in place of the client's.
	RequestID string
	// Path and RawPath are the rewritten path, as in url.URL; empty: unchanged.
	Path, RawPath string
	// Timeout is the longest wait for the answer's head; 0, or longer than the
	// target's own FirstByte: the target's own. Time spent waiting for the
	// client's body does not count.
	Timeout time.Duration
	// Fields of the forwarded request are in place of the client's. A client's
	// Connection field cannot remove them, as it can those set on the request itself.
	Fields []Field
	// Heads, when not nil, is told of the answer's head.
	Heads Heads

	// Set by Forward: answers with these statuses are failures, as long as body
	// could be sent again.
	replace []int
	body    *upload
	// Set by a Target: the status of the answer it began.
	status int
}

// Field is one field of a header.
type Field struct {
	// Name is in canonical form.
	Name string
	// Values are its lines; nil removes the field.
	Values []string
}

// sets reports whether the call's Fields say what a field is.
func (c *Call) sets(name string) bool {
	for i := range c.Fields {
		if c.Fields[i].Name == name {
			return true
		}
	}
	return false
}

// has reports whether the call says what a field is.
func (c *Call) has(name string) bool {
	return c.sets(name) || name == "X-Request-Id" && c.RequestID != ""
}

// Heads is told of the head of an answer that the client will get, once and
// before the answer ends, which for a stream may be hours later. It must be
// quick and must not change the header.
type Heads interface {
	// Head has the final status, the fields as the upstream sent them, and
	// whether the answer is a stream: an upgraded connection, events, gRPC.
	Head(status int, header http.Header, stream bool)
	// FellBack says, in place of Head, that the upstream has failed and the
	// monolith is about to be asked instead.
	FellBack()
}

// head tells of the answer's head.
func (c *Call) head(status int, header http.Header, stream bool) {
	if c.Heads != nil {
		c.Heads.Head(status, header, stream)
	}
}

// replaces reports whether an answer with status is to be left to the monolith.
func (c *Call) replaces(status int) bool {
	return len(c.replace) != 0 && slices.Contains(c.replace, status) && c.body.replayable()
}

// Upstream serves a request. A nil error means that an answer was written to
// its end.
//
// An error that is a *Failure says whether an answer was begun. Any other
// counts as KindError with status 502; Forward knows whether an answer was
// begun, as it watches the writes. An Upstream that fails before that may leave
// fields in w's header: Forward takes them back before it asks another.
//
// Forward gives an Upstream that is no *Target a copy of the request, which it may
// change, with the call's path and fields already in it. The body may be left
// unread and need not be closed.
type Upstream interface {
	Serve(w http.ResponseWriter, r *http.Request, c *Call) error
}
