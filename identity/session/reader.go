package session

import (
	"context"
	"net/http"
)

// Reader reads the sessions of one monolith in one format. Every subpackage of a
// format has one. Safe for concurrent use.
//
// The two steps are apart so that what was opened can be kept: the value is found
// for every request, without allocating, and opened once.
type Reader interface {
	// Names are the cookies that the session is made of, at least one, always the
	// same. They are taken off requests to services, and a Set-Cookie of one of
	// them is the sign that the monolith changed the session.
	Names() []string
	// Cookie finds the session's value in a request. ok is false when the outcome
	// is known without it: there is none, or it is there twice with different
	// values. The value is secret and opaque: of several cookies it holds all, and
	// it is the whole of what Open answers by, so that outcomes may be kept under
	// its hash.
	Cookie(header http.Header) (value string, known Outcome, ok bool)
	// Open says whose session a value is. It ends with the context. An
	// Unavailable has its detail in Err, which holds nothing of the session.
	Open(ctx context.Context, value string) Outcome
}
