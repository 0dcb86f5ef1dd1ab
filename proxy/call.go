package proxy

import (
	"fmt"
	"net/http"
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

// Call is what one request asks of an Upstream beyond the request itself.
type Call struct {
	Client Client
	// RequestID, when not empty, is sent as X-Request-ID in place of the client's.
	RequestID string
	// Path and RawPath are the rewritten path, as in url.URL; empty: unchanged.
	Path, RawPath string
	// Timeout is the longest wait for the answer's head; 0, or longer than the
	// target's own FirstByte: the target's own.
	Timeout time.Duration
	// Header are fields set on the forwarded request in place of the client's;
	// keys in canonical form. A client's Connection header cannot remove them.
	// A nil value removes a field.
	Header http.Header
}

// Upstream serves a request. A nil error means that an answer was written to
// its end. An error that is no *Failure counts as KindError.
//
// When the error is a *Failure with Started false, nothing of an answer was
// written, and another Upstream may be asked.
type Upstream interface {
	Serve(w http.ResponseWriter, r *http.Request, c *Call) error
}

// Kind says how serving a request failed.
type Kind string

// The kinds of failure.
const (
	KindConnect  Kind = "connect"  // no connection: nothing was sent. Status 502
	KindBusy     Kind = "busy"     // bulkhead full: nothing was sent. Status 503
	KindOpen     Kind = "open"     // breaker open: nothing was sent. Status 503
	KindError    Kind = "error"    // the connection broke, or the head was garbage. Status 502
	KindTimeout  Kind = "timeout"  // no head in time. Status 504
	KindStatus   Kind = "status"   // an answer whose status the monolith is to replace
	KindClient   Kind = "client"   // the client's fault. Status 400, 405, 408 or 413
	KindCanceled Kind = "canceled" // the client left. Status 499
	KindBroken   Kind = "broken"   // the answer broke off: abort the client's connection
)

// StatusClientClosedRequest is the status of a request whose client left; no
// client ever sees it, logs do (nginx's 499).
const StatusClientClosedRequest = 499

// Failure is why serving a request failed.
type Failure struct {
	Kind Kind
	// Status is the status to answer with when Started is false.
	Status int
	// Started: a part of an answer was written. The only right thing then is
	// panic(http.ErrAbortHandler), so that the client sees a broken answer.
	Started bool
	// Err is the cause, for logs; its text holds no bytes of a message.
	Err error
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Kind, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
