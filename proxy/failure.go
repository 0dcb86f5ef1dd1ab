package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Kind says how serving a request failed.
type Kind string

// The kinds of failure.
const (
	KindConnect  Kind = "connect"  // no connection: nothing was sent; status 502
	KindBusy     Kind = "busy"     // bulkhead full: nothing was sent; status 503
	KindOpen     Kind = "open"     // breaker open: nothing was sent; status 503
	KindError    Kind = "error"    // the connection broke, or the head was garbage; status 502
	KindTimeout  Kind = "timeout"  // no head in time; status 504
	KindStatus   Kind = "status"   // an answer that the monolith is to replace; its status
	KindClient   Kind = "client"   // the client's fault; status 400, 405, 408 or 413
	KindCanceled Kind = "canceled" // the client left; status 499
	KindBroken   Kind = "broken"   // the answer broke off: abort the client's connection
)

// StatusClientClosedRequest is the status of a request whose client left. No
// client ever sees it, logs do; the number is nginx's.
const StatusClientClosedRequest = 499

// Failure is why serving a request failed.
type Failure struct { //nolint:errname // what happened, of which Err is the error
	Kind Kind
	// Status is what to answer when Started is false.
	Status int
	// Started: a part of an answer was written. The only right thing then is
	// panic(http.ErrAbortHandler), so that the client sees a broken answer.
	Started bool
	// Sent, with a kind that says that nothing was sent: an upstream asked before
	// may have got the request all the same.
	Sent bool
	// Err is the cause. Its text may quote bytes of a message, Cause does not.
	Err error
}

// Error implements error. It quotes no bytes of any message.
func (f *Failure) Error() string { return string(f.Kind) + ": " + f.Cause() }

// Cause is why, for logs, and for an answer its status: it quotes no bytes of
// any message.
func (f *Failure) Cause() string {
	text := quoteless(f.Err).Error()
	if f.Kind == KindStatus {
		return strconv.Itoa(f.Status) + ", " + text
	}
	return text
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// What our own rules say; the rest of the causes come from the network.
var (
	errConnect     = errors.New("method CONNECT is not for a reverse proxy")
	errTarget      = errors.New("the request's target cannot be forwarded as it is")
	errHost        = errors.New("invalid host")
	errMethod      = errors.New("invalid method")
	errTrailer     = errors.New("invalid trailer name")
	errSwitch      = errors.New("the target switched to a protocol nobody asked for")
	errBusy        = errors.New("as many requests under way as the target may have")
	errUploads     = errors.New("as many clients sending their bodies as the target may wait for")
	errSlowBody    = fmt.Errorf("the client sends its body too slowly: %w", os.ErrDeadlineExceeded)
	errOpen        = errors.New("breaker open")
	errNoHead      = errors.New("no answer in time")
	errSilent      = errors.New("the answer fell silent")
	errBrokeOff    = errors.New("the answer broke off")
	errStatus      = errors.New("the answer's status is for the monolith to replace")
	errStatusRange = errors.New("the answer's status is no HTTP status")
	errUnwell      = errors.New("the target says that it cannot serve")
	errOver        = errors.New("the exchange is over")
)

func clientFailure(status int, err error) *Failure {
	return &Failure{Kind: KindClient, Status: status, Err: err}
}

// bodyFailure is the failure that an error from reading the client's body
// means.
func bodyFailure(err error) *Failure {
	var tooLarge *http.MaxBytesError
	var network *net.OpError
	switch {
	case errors.As(err, &tooLarge):
		return clientFailure(http.StatusRequestEntityTooLarge, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return clientFailure(http.StatusRequestTimeout, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.As(err, &network):
		return &Failure{Kind: KindCanceled, Status: StatusClientClosedRequest, Err: err}
	}
	return clientFailure(http.StatusBadRequest, quoteless(err))
}

// quoteless is err without the bytes of a message that it may quote: net/http
// quotes them with %q, and they may be a cookie or a body.
func quoteless(err error) error {
	if text, _, found := strings.Cut(err.Error(), `"`); found {
		return errors.New(text + "…")
	}
	return err
}
