package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxInformational is how many answers 1xx may come before the final one.
const maxInformational = 100

var (
	// errStale: the connection was idle before, and ended without an answer.
	errStale         = errors.New("the target closed an idle connection")
	errAnswerHead    = errors.New("the answer's head is too long")
	errInformational = fmt.Errorf("more than %d informational answers", maxInformational)
)

// longAgo is the deadline that ends all reads and writes at once.
var longAgo = time.Unix(1, 0)

// leanConn is a connection of lean's; one request at a time has it.
type leanConn struct {
	lean  *lean
	conn  net.Conn
	br    *bufio.Reader
	used  bool  // by a request before
	limit int64 // bytes that may still be read

	// For quiet, made once.
	raw   syscall.RawConn
	probe func(fd uintptr) bool
	calm  bool // what probe found
	// interrupt is what a canceled request does, made once.
	interrupt func()
}

func newLeanConn(l *lean, conn net.Conn) (*leanConn, error) {
	c := &leanConn{lean: l, conn: conn}
	c.br = bufio.NewReader(c)
	c.interrupt = func() { _ = conn.SetDeadline(longAgo) }
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	var err error
	if c.raw, err = sc.SyscallConn(); err != nil {
		return nil, err
	}
	c.probe = func(fd uintptr) bool {
		c.calm = silent(fd)
		return true
	}
	return c, nil
}

// quiet reports whether the connection is open and holds nothing to read. It
// does not wait.
func (c *leanConn) quiet() bool {
	c.calm = false
	return c.raw.Read(c.probe) == nil && c.calm
}

// Read reads from the connection, limit bytes at most.
func (c *leanConn) Read(p []byte) (int, error) {
	if c.limit <= 0 {
		return 0, errAnswerHead
	}
	n, err := c.conn.Read(p[:min(int64(len(p)), c.limit)])
	c.limit -= int64(n)
	return n, err
}

// roundTrip writes a request's head and reads its answer's. After an error the
// connection is closed.
func (c *leanConn) roundTrip(req *http.Request, head []byte) (*http.Response, error) {
	ctx := req.Context()
	stop := context.AfterFunc(ctx, c.interrupt)
	res, err := c.exchange(req, head)
	if err != nil {
		stop()
		_ = c.conn.Close()
		return nil, canceled(ctx, err)
	}
	c.limit = math.MaxInt64
	b := &leanBody{c: c, ctx: ctx, stop: stop, body: res.Body, keep: !res.Close}
	if res.ContentLength == 0 {
		b.finish(b.keep)
		return res, nil
	}
	res.Body = b
	return res, nil
}

// exchange is roundTrip without the care for the connection.
func (c *leanConn) exchange(req *http.Request, head []byte) (*http.Response, error) {
	c.limit = c.lean.endpoint.limits.Head
	_, err := c.conn.Write(head)
	if err == nil {
		_, err = c.br.Peek(1)
	}
	if err != nil {
		if c.used {
			err = fmt.Errorf("%w: %w", errStale, err)
		}
		return nil, err
	}
	for range maxInformational + 1 {
		res, err := http.ReadResponse(c.br, req)
		switch {
		case err != nil:
			if c.limit <= 0 {
				err = fmt.Errorf("%w: it has more than %d bytes", errAnswerHead, c.lean.endpoint.limits.Head)
			}
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitch // nobody asked
		case res.StatusCode < 100 || res.StatusCode > 199:
			return res, nil
		}
		if err := c.informed(req.Context(), res); err != nil {
			return nil, err
		}
	}
	return nil, errInformational
}

// informed gives an answer 1xx (RFC 9110, 15.2) to the request's trace, which
// may refuse it. Like http.Transport it then allows the next a head of full
// length.
func (c *leanConn) informed(ctx context.Context, res *http.Response) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil || trace.Got1xxResponse == nil {
		return nil
	}
	c.limit = c.lean.endpoint.limits.Head
	return trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header))
}

// canceled is the reason why ctx has ended, if that is what err comes from.
func canceled(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}

// leanBody is the body of one answer. It has the connection until it ends, and
// not a moment longer: its Close may come when the next request has it.
type leanBody struct {
	ctx  context.Context //nolint:containedctx // the request's, which the body belongs to
	stop func() bool
	body io.Reader // net/http's; its Close would read to the end
	keep bool

	mu      sync.Mutex
	c       *leanConn // nil: ended
	err     error     // what Read says then
	reading bool
	closed  bool
}

// Read implements io.Reader. A body that breaks off gives io.ErrUnexpectedEOF
// (RFC 9112, 8).
func (b *leanBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.c == nil || b.closed {
		defer b.mu.Unlock()
		return 0, b.err
	}
	b.reading = true
	b.mu.Unlock()
	n, err := b.body.Read(p)
	whole := err == io.EOF //nolint:errorlint // the very value means a whole body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	switch {
	case err != nil:
		if !b.closed {
			err = canceled(b.ctx, err)
			b.err = err
		}
		b.finish(b.keep && whole && !b.closed)
	case b.closed:
		b.finish(false)
	}
	return n, err
}

// Close implements io.Closer. What was not read is not waited for: the
// connection is closed.
func (b *leanBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.err = http.ErrBodyReadAfterClose
	switch {
	case b.c == nil:
	case b.reading:
		b.c.interrupt() // the reader finishes
	default:
		b.finish(false)
	}
	return nil
}

// finish gives the connection back. It is kept only if the answer is complete,
// nothing follows it, and the request's end cannot set its deadline any more.
func (b *leanBody) finish(keep bool) {
	c := b.c
	b.c = nil
	if b.stop() && keep && c.br.Buffered() == 0 {
		c.lean.put(c)
		return
	}
	_ = c.conn.Close()
}
