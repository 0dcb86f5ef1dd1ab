package proxy

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"sync/atomic"
)

// exchange is one request at one target. It is the context of that request,
// the ResponseWriter that the ReverseProxy writes to, and, as sending and
// receiving, the two bodies: all of it costs one allocation.
type exchange struct {
	context.Context
	target   *Target
	call     Call
	in       *http.Request // as it came to Serve
	w        http.ResponseWriter
	patience patience

	upgrade bool        // the client asks for a WebSocket
	client  *clientConn // the client's connection, when it was taken
	entered bool        // has a slot of the bulkhead
	stream  bool        // counts as a stream, not as in flight

	early    http.Header // fields of an informational answer
	arrived  bool        // the answer's head is there: no more early
	started  bool        // a final status was written
	status   int
	left     int64 // bytes of the answer still to come; 0 when unknown
	begun    bool  // some of them were written
	answer   io.ReadCloser
	readErr  error // from the target
	writeErr error // from the client
	failure  *Failure

	over      atomic.Bool // the body must not be read any more
	drained   atomic.Bool // the body was read to its end
	uploading atomic.Bool // counts as an upload at the target
	sendErr   atomic.Pointer[error]
	trailer   http.Header // the outgoing request's, filled at the body's end

	admitted int64                       // by the breaker, as time since epoch
	verdict  atomic.Pointer[func(error)] // that the breaker waits for
	struck   bool                        // it has had a failure

	values [3]string // of header fields
}

type exchangeKey struct{}

// Value finds the exchange in contexts made from it.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Unwrap gives http.ResponseController the writer below.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

// Header is w's, but not before the answer's head has arrived: until then the
// ReverseProxy only puts the fields of informational answers there, and clears
// them afterwards, together with whatever was set on w before us.
func (x *exchange) Header() http.Header {
	if x.arrived {
		return x.w.Header()
	}
	if x.early == nil {
		x.early = make(http.Header)
	}
	return x.early
}

// WriteHeader passes the status on.
func (x *exchange) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		x.status, x.started = status, true
		x.w.WriteHeader(status)
		return
	}
	if !x.in.ProtoAtLeast(1, 1) {
		return // RFC 9110, 15.2: not to an HTTP/1.0 client
	}
	h := x.w.Header()
	kept := maps.Clone(h)
	clear(h)
	maps.Copy(h, x.early)
	x.w.WriteHeader(status)
	clear(h)
	maps.Copy(h, kept)
}

// Pieces of a body of known length that are smaller than this are flushed, as
// the target seems to send it little by little. The first piece is often the
// part of a long body that came with the head, hence the two sizes.
const (
	smallFirst = 2 << 10
	smallNext  = 4 << 10
)

// Write passes the body on.
func (x *exchange) Write(p []byte) (int, error) {
	n, err := x.w.Write(p)
	if err != nil {
		x.writeErr = err
		return n, err
	}
	if x.left > 0 {
		small := smallNext
		if !x.begun {
			small, x.begun = smallFirst, true
		}
		if x.left -= int64(n); x.left > 0 && n < small {
			// An error shows in the next write.
			_ = http.NewResponseController(x.w).Flush()
		}
	}
	return n, nil
}

// Hijack takes the client's connection, with what the client has already sent
// after its request: the ReverseProxy does not look there.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return conn, buffered, err
	}
	x.status, x.started = http.StatusSwitchingProtocols, true
	x.client = &clientConn{Conn: conn, reader: conn}
	if buffered.Reader.Buffered() > 0 {
		x.client.reader = buffered.Reader // some bytes are already read
	}
	return x.client, buffered, nil
}

// receiving is the answer's body on its way to the client.
type receiving exchange

// Close closes the answer's body.
func (r *receiving) Close() error { return r.answer.Close() }

// Read reads from the target.
func (r *receiving) Read(p []byte) (int, error) {
	r.patience.body.Store(sinceEpoch())
	n, err := r.answer.Read(p)
	r.patience.body.Store(0)
	if err != nil && err != io.EOF {
		r.readErr = err
	}
	return n, err
}
