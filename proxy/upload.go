package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// drainTime bounds how long a client's connection is read after the answer,
// when the body was not read to its end: until then an answer may be lost to a
// client that is still sending, after it the connection is cut.
const drainTime = 3 * time.Second

var errPassOver = errors.New("the body belongs to a later attempt now")

// upload is a request's body, read by one attempt after the other: a body of up
// to limit bytes (and never more than that and one read) is kept, so that a
// later attempt finds it again. What was read ahead of the first attempt is kept
// until it is read for the last time.
type upload struct {
	src   io.Reader
	limit int

	// reading is held while src is read, which may take as long as the client
	// likes; mu, for what follows, never is.
	reading sync.Mutex
	mu      sync.Mutex
	attempt int
	kept    []byte
	ahead   *aheadBuffer // in which kept begins; nil: nothing was read ahead
	lost    bool         // bytes were read that no later attempt finds
	err     error        // src's last word
}

// hasBody reports whether r has a body that may hold something.
func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// newUpload takes over r's body; nil when there is none.
func newUpload(r *http.Request, limit int) *upload {
	if !hasBody(r) {
		return nil
	}
	return &upload{src: r.Body, limit: limit}
}

// next makes a copy of r for the next attempt, whose body starts at the first
// byte; the attempt before cannot read any more. Without a body it is r.
func (u *upload) next(r *http.Request) *http.Request {
	if u == nil {
		return r
	}
	u.mu.Lock()
	u.attempt++
	p := &pass{upload: u, attempt: u.attempt}
	u.mu.Unlock()
	again := r.WithContext(r.Context())
	again.Body = p
	return again
}

// replayable reports whether another attempt would find the whole body.
func (u *upload) replayable() bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.lost && (u.err == nil || errors.Is(u.err, io.EOF))
}

// ended reports whether the body was read to its end.
func (u *upload) ended() bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return errors.Is(u.err, io.EOF)
}

// pass is one attempt's reader.
type pass struct {
	*upload
	attempt int
	at      int
}

// Close does nothing: net/http closes the body it made, and an attempt that
// failed must not.
func (p *pass) Close() error { return nil }

// Read reads what is kept, then the client. While an earlier attempt is still
// waiting for the client, it waits too: those bytes will be kept for it.
func (p *pass) Read(b []byte) (int, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	n, fresh, err := p.stored(b)
	if !fresh {
		return n, err
	}
	n, err = p.src.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.lost {
		p.kept = append(p.kept, b[:n]...)
		p.at += n
	}
	p.err = err
	return n, err
}

// stored reads what is kept; fresh means that only the client has more.
func (p *pass) stored(b []byte) (n int, fresh bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.attempt != p.upload.attempt:
		return 0, false, errPassOver
	case p.at < len(p.kept):
		return p.copied(b), false, p.lastWord()
	case p.err != nil:
		return 0, false, p.err
	case p.limit == 0, len(p.kept) > p.limit:
		p.lost, p.kept = true, nil
		p.dropAhead()
	}
	return 0, true, nil
}

// copied copies what is kept. What no later attempt needs is dropped then.
func (p *pass) copied(b []byte) int {
	n := copy(b, p.kept[p.at:])
	p.at += n
	if p.limit == 0 {
		p.lost = true
		if p.at == len(p.kept) {
			p.kept = nil
			p.dropAhead()
		}
	}
	return n
}

// lastWord is src's, once all that is kept was read.
func (p *pass) lastWord() error {
	if p.at < len(p.kept) {
		return nil
	}
	return p.err
}

// leaveClean sees to it that a connection whose request was not read to its end
// is not kept waiting for the rest: it is closed after the answer, at the
// latest drainTime from now.
func (u *upload) leaveClean(w http.ResponseWriter, r *http.Request) {
	if u.ended() || r.ProtoMajor != 1 {
		return
	}
	w.Header()["Connection"] = []string{"close"}
	u.mu.Lock()
	u.attempt++
	u.mu.Unlock()
	// A transport may still be reading for a target that has given up. That
	// read ends first, as net/http takes away our deadline when it has to end it.
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now()) != nil {
		return // a writer of a test
	}
	u.reading.Lock()
	defer u.reading.Unlock()
	_ = control.SetReadDeadline(time.Now().Add(drainTime)) // as it could just before
}
