// Package django reads Django's sessions: 3.2 to 5.2, every session engine of
// Django but the caches that are not Redis, JSON and pickle.
//
// A request's way through it: the cookie as Django's parser finds it
// ([Sessions.Cookie]); the session's data from the engine ([SignedCookies],
// [Database], [Cache], [CachedDatabase], [Files]), its signature checked where
// Django signs it; then who it is, as django.contrib.auth.get_user does: the
// backend must be allowed, the user's row must be there and active, and the
// session's hash must be that of the row's password, so that a password change
// ends the other sessions ([Users]).
//
// It answers what Django would, with two differences, both towards the
// monolith: data in the store that cannot be read or that no key of ours signed
// is unavailable, not anonymous, because it is rather our configuration that is
// wrong than everyone logged out; and a cache that is down is unavailable, where
// Django takes it for an empty session.
//
// Nothing is ever written. Custom session classes, authentication backends with
// a get_user of their own and the middleware in front of it are not seen: use
// introspection for such a monolith.
package django

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Serializer is how a session's data is written: SESSION_SERIALIZER, or the
// cache's.
type Serializer uint8

// The serializers. Cache engines of Django itself always pickle.
const (
	JSON Serializer = iota
	Pickle
)

// Config is what the monolith's settings say. Zero values are Django's own
// defaults, except that there is none for the keys.
type Config struct {
	// SecretKeys are SECRET_KEY and then SECRET_KEY_FALLBACKS. Needed.
	SecretKeys []string
	// CookieName is SESSION_COOKIE_NAME; sessionid.
	CookieName string
	// CookieAge is SESSION_COOKIE_AGE; two weeks.
	CookieAge time.Duration
	// Serializer is SESSION_SERIALIZER; JSON. Cache engines have their own.
	Serializer Serializer
	// StoreClass is the session engine's class, part of what is signed;
	// SessionStore.
	StoreClass string
	// SHA1 accepts what Django below 3.1 signed, as 3.1 and 3.2 do. Off.
	SHA1 bool
	// Backends are AUTHENTICATION_BACKENDS; django.contrib.auth.backends.ModelBackend.
	Backends []string
	// Zone is what the monolith writes times in that have no zone: TIME_ZONE
	// when it has USE_TZ = False; UTC.
	Zone *time.Location
	// Claims are keys of the session whose values a principal carries; none.
	Claims []string
}

func (c Config) withDefaults() (Config, error) {
	if len(c.SecretKeys) == 0 || c.SecretKeys[0] == "" {
		return c, errors.New("django sessions need the monolith's SECRET_KEY")
	}
	if c.CookieAge < 0 {
		return c, fmt.Errorf("django sessions cannot have the age %s", c.CookieAge)
	}
	if c.CookieName == "" {
		c.CookieName = "sessionid"
	}
	if c.CookieAge == 0 {
		c.CookieAge = 14 * 24 * time.Hour
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.StoreClass == "" {
		c.StoreClass = "SessionStore"
	}
	if len(c.Backends) == 0 {
		c.Backends = []string{"django.contrib.auth.backends.ModelBackend"}
	}
	return c, nil
}

// Engine is where the sessions are: SESSION_ENGINE.
type Engine interface {
	// load answers the session that a cookie's value stands for. An error is a
	// refusal, or the store's own.
	load(ctx context.Context, s *Sessions, cookie string) (record, error)
}

// record is what an engine found.
type record struct {
	data    values
	expires time.Time // zero: not known
}

// Sessions reads the sessions of one monolith. Safe for concurrent use.
type Sessions struct {
	config Config
	engine Engine
	users  *Users
	now    func() time.Time

	stored, cookies signers // of the stores' data, and of signed_cookies
	hashes          signers // of passwords
}

// New makes a reader. An error says which setting is wrong.
func New(config Config, engine Engine, users *Users, now func() time.Time) (*Sessions, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Sessions{
		config: config, engine: engine, users: users, now: now,
		stored:  newSigners(config, "django.contrib.sessions."+config.StoreClass+"signer"),
		cookies: newSigners(config, "django.contrib.sessions.backends.signed_cookiessigner"),
		hashes:  newSigners(config, "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"),
	}, nil
}

// Resolve says who a request is from, by its header. It takes no longer than
// the context allows, but for a file system that hangs.
func (s *Sessions) Resolve(ctx context.Context, header http.Header) session.Outcome {
	value, known, ok := s.Cookie(header)
	if !ok {
		return known
	}
	return s.Open(ctx, value)
}

// Open says whose session a cookie's value is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, cookie string) session.Outcome {
	principal, err := s.open(ctx, cookie)
	var no *refusal
	switch {
	case err == nil:
		return session.Is(principal)
	case errors.As(err, &no) && no.err == nil:
		return session.Nobody(no.reason)
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return session.Unknown(session.TimedOut, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	case no != nil:
		return session.Unknown(no.reason, no.err)
	}
	return session.Unknown(session.StoreFailed, err)
}

func (s *Sessions) open(ctx context.Context, cookie string) (session.Principal, error) {
	if err := ctx.Err(); err != nil {
		return session.Principal{}, err
	}
	found, err := s.engine.load(ctx, s, cookie)
	if err != nil {
		return session.Principal{}, err
	}
	return s.who(ctx, found)
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
