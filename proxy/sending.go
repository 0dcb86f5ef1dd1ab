package proxy

import (
	"io"
	"maps"
	"net/http"
	"time"
)

// How slowly a client may send its body: it may keep us waiting for bodyGrace,
// and each byte gives back 1/bodyRate seconds of what it has used of that. So
// neither a silence longer than bodyGrace nor a lasting rate below bodyRate
// goes on for ever. The numbers are those of Apache's RequestReadTimeout
// (mod_reqtimeout: body=20,MinRate=500); nginx's client_body_timeout knows only
// silence, Caddy has no bound of its own.
//
// Only time spent waiting for the client counts, not that of a target that
// reads slowly, and only until the answer's head is there: a client that goes
// on sending then talks with the target. A gRPC call may be silent for as long
// as its own deadline lets it.
const (
	bodyGrace = 20 * time.Second
	bodyRate  = 500 // bytes per second
)

// sending is the request's body on its way to the target.
type sending exchange

// Close does nothing: a failed dial must leave the body to the next URL.
func (s *sending) Close() error { return nil }

// Read reads from the client. Meanwhile the target is not to blame for silence.
func (s *sending) Read(p []byte) (int, error) {
	if s.over.Load() {
		return 0, errOver
	}
	s.patience.awaitClient()
	n, err := s.in.Body.Read(p)
	if !s.patience.heardClient(n) {
		return 0, errSlowBody
	}
	switch {
	case err == io.EOF:
		if s.trailer != nil {
			maps.Copy(s.trailer, s.in.Trailer)
		}
		s.drained.Store(true)
		(*exchange)(s).uploaded()
	case err != nil:
		failed := err
		s.sendErr.CompareAndSwap(nil, &failed)
	}
	return n, err
}

// grace is how long the client may keep us waiting for its body; 0: for ever.
func (x *exchange) grace() time.Duration {
	if !hasBody(x.in) || x.in.ProtoMajor >= 2 && hasPrefixFold(x.in.Header.Get("Content-Type"), "application/grpc") {
		return 0
	}
	return x.target.bodyGrace
}

// cutUpload ends the wait for a client that is too slow. http.Transport waits
// for the read to end, so that is ended too.
func (x *exchange) cutUpload() {
	slow := errSlowBody
	x.sendErr.CompareAndSwap(nil, &slow)
	x.patience.cancel(errSlowBody)
	_ = http.NewResponseController(x.w).SetReadDeadline(longAgo) // a writer of a test cannot
}
