package shadow

import (
	"errors"
	"io"
	"sync"
	"time"
)

// bodyTee copies a request's body as it is read. A transport may still be
// reading when the request is over: then it reads the body and copies nothing.
type bodyTee struct {
	io.ReadCloser
	now func() time.Time

	mu     sync.Mutex // never held while the client is waited for
	over   bool
	ended  bool // the body was read to its end
	waited time.Duration
	copy   copied
}

// Read implements io.Reader.
func (t *bodyTee) Read(p []byte) (int, error) {
	start := t.now()
	n, err := t.ReadCloser.Read(p)
	took := t.now().Sub(start)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.waited += took
		t.copy.write(p[:n])
		t.ended = t.ended || errors.Is(err, io.EOF)
	}
	return n, err
}

// take ends the copying and hands the copy over. whole is false when the body
// was not read to its end; size is how long it was to be, -1 when that is
// not known.
func (t *bodyTee) take(size int64) (c copied, waited time.Duration, whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	c, t.copy = t.copy, copied{}
	return c, t.waited, t.ended || size == int64(c.n)
}
