// Package php reads the sessions that PHP itself keeps ($_SESSION): PHP 7.1 and
// later, in files or in Redis (phpredis), by the handlers php, php_serialize and
// php_binary. The user is what a configured path in the session leads to; there
// is no row of a user to look at, so what ends a session is the monolith's
// logout, or its age.
//
// How soon a logout is seen: both stores are read anew for each [Sessions.Open],
// so at once, and where outcomes are kept, within that time. A change of the
// password ends nothing unless the monolith removes the user's other sessions.
//
// It answers what PHP would, with these differences, all towards the monolith:
// a session past gc_maxlifetime that the collector did not come to is
// unavailable (PHP would use it); so is data that another handler wrote, or
// igbinary or msgpack, where PHP destroys the session; data beyond our limits;
// and a user inside an object. Data that nothing can read is anonymous, because
// PHP destroys that session.
//
// Nothing is ever written. session_set_save_handler, session IDs in the URL and
// referer_check are not seen: use introspection for such a monolith.
package php

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/lockedfile"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// Config is what the monolith's settings say. Zero values are PHP's defaults.
type Config struct {
	// CookieName is session.name; PHPSESSID.
	CookieName string
	// Handler is session.serialize_handler; php.
	Handler Handler
	// User is where $_SESSION has the user's ID; user_id. What PHP calls empty
	// there (null, false, 0, "", "0", an empty array) is nobody.
	User session.Path
	// Claims are further values that a principal carries, by their paths; none.
	Claims []session.Path
}

// Store is where the sessions are: [Files] or [Redis].
type Store interface {
	load(ctx context.Context, now time.Time, id string) (record, error)
	// watch is how the store tells of sessions, which its Key knows by their ID.
	watch() session.Watch
}

// record is what a store has under an ID.
type record struct {
	text    string
	expires time.Time // zero: not known
	// torn says that the text may be half old and half new.
	torn bool
}

// Sessions reads the sessions of one monolith. Safe for concurrent use.
type Sessions struct {
	config Config
	store  Store
	now    func() time.Time
}

var _ session.Reader = (*Sessions)(nil)

// Watch tells of the sessions that the store changes or ends: Redis does, files do
// not.
func (s *Sessions) Watch() session.Watch { return s.store.watch() } // a cookie's value is the ID

// New makes a reader. An error says which setting is wrong.
func New(config Config, store Store, now func() time.Time) (*Sessions, error) {
	if config.CookieName == "" {
		config.CookieName = "PHPSESSID"
	}
	if strings.ContainsAny(config.CookieName, "=,;.[ \t\r\n\v\f") {
		return nil, fmt.Errorf("php sessions: %q is no session.name that PHP takes", config.CookieName)
	}
	if len(config.User) == 0 {
		config.User = session.Path{"user_id"}
	}
	return &Sessions{config: config, store: store, now: now}, nil
}

// Names implements session.Reader: the one cookie.
func (s *Sessions) Names() []string { return []string{s.config.CookieName} }

// Resolve says who a request is from, by its header.
func (s *Sessions) Resolve(ctx context.Context, header http.Header) session.Outcome {
	value, known, ok := s.Cookie(header)
	if !ok {
		return known
	}
	return s.Open(ctx, value)
}

// Open says whose session an ID is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, id string) session.Outcome {
	principal, err := s.open(ctx, id)
	var no *refusal
	switch {
	case err == nil:
		return session.Is(principal)
	case errors.As(err, &no) && no.err == nil:
		return session.Nobody(no.reason)
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return session.Unknown(session.TimedOut, errors.New("the time allowed is over"))
	case no != nil:
		return session.Unknown(no.reason, no.err)
	}
	return session.Unknown(session.StoreFailed, err)
}

func (s *Sessions) open(ctx context.Context, id string) (session.Principal, error) {
	if err := ctx.Err(); err != nil {
		return session.Principal{}, err
	}
	found, err := s.store.load(ctx, s.now(), id)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "the store has the session")
	vars, err := s.decode(found)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "its data can be read")
	subject, err := s.subject(vars)
	if err != nil {
		return session.Principal{}, err
	}
	return session.Principal{Subject: subject, Expires: found.expires, Session: unserialize.Carried(vars, s.config.Claims)}, nil
}

// decode reads a session's variables.
func (s *Sessions) decode(found record) (*unserialize.Array, error) {
	vars, err := s.config.Handler.Decode(found.text)
	switch {
	case err == nil:
		return vars, nil
	case errors.Is(err, unserialize.ErrLimit), errors.Is(err, unserialize.ErrUnsupported):
		return nil, unknown(session.Undecodable, err)
	case found.torn:
		return nil, unknown(session.StoreFailed, lockedfile.ErrBusy)
	}
	if format := s.config.Handler.foreign(found.text); format != "" {
		return nil, unknown(session.Unsupported, fmt.Errorf("session data that is %s, not %s; is serialize_handler the monolith's?", format, s.config.Handler))
	}
	return nil, nobody(session.NoSession) // PHP destroys it
}

// refusal is an error that ends the search. Without err nobody is signed in;
// with one it could not be found out, and err says why.
type refusal struct {
	reason session.Reason
	err    error
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %v", r.reason, r.err) }
func (r *refusal) Unwrap() error { return r.err }

func nobody(why session.Reason) error             { return &refusal{reason: why} }
func unknown(why session.Reason, err error) error { return &refusal{why, err} }
