package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// answer watches an upstream that is not ours: whether it began an answer, and
// with which status. An answer that the monolith is to replace is swallowed.
type answer struct {
	http.ResponseWriter
	call    *Call
	status  int
	refused bool
}

// Unwrap gives http.ResponseController the writer below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.refused:
	case status < 200 && status != http.StatusSwitchingProtocols:
		a.ResponseWriter.WriteHeader(status)
	case a.status == 0 && a.call.replaces(status):
		a.status, a.refused = status, true
	default:
		a.started(status)
		a.ResponseWriter.WriteHeader(status)
	}
}

// begin notes the status 200 that a write without one means.
func (a *answer) begin() { a.started(http.StatusOK) }

// started notes the first status.
func (a *answer) started(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	h := a.Header()
	kind := h.Get("Content-Type")
	a.call.head(status, h, status == http.StatusSwitchingProtocols ||
		hasPrefixFold(kind, "text/event-stream") || hasPrefixFold(kind, "application/grpc"))
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.refused {
		return len(p), nil
	}
	a.begin()
	return a.ResponseWriter.Write(p)
}

// ReadFrom keeps the writer's own way of copying.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	if a.refused {
		return io.Copy(io.Discard, r)
	}
	a.begin()
	if to, ok := a.ResponseWriter.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(a.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError is Flush for http.ResponseController.
func (a *answer) FlushError() error {
	if a.refused {
		return nil
	}
	a.begin()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.started(http.StatusSwitchingProtocols)
	}
	return conn, buffered, err
}

// failure is the upstream's, given what it returned.
func (a *answer) failure(err error) *Failure {
	if a.refused {
		return &Failure{Kind: KindStatus, Status: a.status, Err: errStatus}
	}
	if err == nil {
		return nil
	}
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Kind: KindError, Status: http.StatusBadGateway, Err: err}
	}
	if f.Started = a.status != 0; f.Started && f.Kind != KindCanceled {
		f.Kind = KindBroken
	}
	return f
}
