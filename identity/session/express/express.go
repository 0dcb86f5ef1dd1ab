// Package express reads the sessions of Express applications: those of
// express-session in connect-redis' Redis ([Sessions]), and those of
// cookie-session, which are the cookie itself ([CookieSessions]).
//
// Who is signed in is what Passport keeps, passport.user, or what stands at
// another configured path. It answers what the application would, with three
// differences, all of them towards the monolith: a session that cannot be read is
// unavailable, where the framework answers 500 or begins a new one; so is a user
// that is an object, because no ID can be told of it; and one that ended by its
// own cookie.expires while Redis keeps it without an end.
//
// # What ends a session
//
// With express-session, whatever ends it for the application: a logout deletes
// the key, and Redis its end. A changed password or a user who was deleted ends
// nothing in either format by itself.
//
// Nothing ends a session of cookie-session. The cookie has no time in it, so who
// kept a copy stays signed in until the application changes its keys: a logout
// only asks the browser to forget. An application that keeps such sessions bounds
// them by what it stores in them, which is not seen here.
//
// A deserializeUser that refuses a user, tokens, remember-me cookies and
// whatever else an application signs in by are not seen either: use introspection
// for such a monolith. Nothing is ever written.
package express

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
)

// Identity is where a session says who is signed in. Its zero value is Passport's.
type Identity struct {
	// User is the path of the user's ID, a text or an integer; passport.user.
	User string
	// Claims are paths whose values a principal carries under that path; none.
	Claims []string
}

// Config is what the application gives express-session and connect-redis. Zero
// values are their defaults, except that there is none for the secrets.
type Config struct {
	// Secrets are express-session's secret, all of them. Needed.
	Secrets []string
	// CookieName is its name; connect.sid.
	CookieName string
	// Prefix is connect-redis' prefix, after a keyPrefix of the Redis client;
	// sess: when NoPrefix is false.
	Prefix   string
	NoPrefix bool
	Identity Identity
}

// Sessions reads express-session with connect-redis. Safe for concurrent use.
type Sessions struct {
	secrets [][]byte
	name    string
	prefix  string
	redis   *rediskv.Client
	who     who
	now     func() time.Time
}

// New makes a reader. An error says which setting is wrong.
func New(config Config, redis *rediskv.Client, now func() time.Time) (*Sessions, error) {
	keys, err := secrets(config.Secrets, "the secret of express-session")
	if err != nil {
		return nil, err
	}
	who, err := newWho(config.Identity, "id", "req", "touch", "resetMaxAge", "save", "reload", "destroy", "regenerate")
	if err != nil {
		return nil, err
	}
	s := &Sessions{secrets: keys, name: config.CookieName, prefix: config.Prefix, redis: redis, who: who, now: now}
	if s.name == "" {
		s.name = "connect.sid"
	}
	if s.prefix == "" && !config.NoPrefix {
		s.prefix = "sess:"
	}
	return s, nil
}

func secrets(texts []string, what string) ([][]byte, error) {
	var keys [][]byte
	for _, text := range texts {
		if text == "" {
			return nil, fmt.Errorf("%s is empty", what)
		}
		keys = append(keys, []byte(text))
	}
	if keys == nil {
		return nil, fmt.Errorf("express sessions need %s", what)
	}
	return keys, nil
}

// Names is the session cookie.
func (s *Sessions) Names() []string { return []string{s.name} }

// Cookie answers the value of the session cookie, still encoded.
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	value, known = find(header, s.name)
	return value, known, value != ""
}

// Watch tells of the sessions that Redis changes or ends.
func (s *Sessions) Watch() session.Watch {
	return session.Watch{Events: s.redis.Events(s.prefix), Key: func(value string) (string, bool) {
		if len(value) > maxCookie {
			return "", false
		}
		id, why := unsign(decoded(value), s.secrets)
		return s.prefix + id, why == ""
	}}
}

var (
	errStale    = errors.New("a session past its cookie.expires that Redis keeps without an end")
	errTooLarge = errors.New("a cookie of more than 16 KiB")
)

// maxCookie is more than any browser sends.
const maxCookie = 16 << 10

// Open says whose session a cookie's value is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, value string) session.Outcome {
	if len(value) > maxCookie {
		return session.Unknown(session.Unsupported, errTooLarge)
	}
	if err := ctx.Err(); err != nil {
		return session.Unknown(session.TimedOut, err)
	}
	id, why := unsign(decoded(value), s.secrets)
	if why != "" {
		return session.Nobody(why)
	}
	session.Step(ctx, "one of the secrets signed the cookie")
	stored, ok, err := s.redis.Get(ctx, s.prefix+id)
	switch {
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return session.Unknown(session.TimedOut, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	case err != nil:
		return session.Unknown(session.StoreFailed, fmt.Errorf("reading the session: %w", err))
	case !ok:
		return session.Nobody(session.NoSession)
	}
	session.Step(ctx, "Redis has the session")
	return s.read(stored)
}

// read says whose session is stored. How long Redis keeps it is its end. The
// cookie.expires in it is not: connect-redis' touch moves only the key's end, so
// in a session that is used and not changed it is of the past
// (connect-redis/index.ts, touch). It counts where Redis has no end.
func (s *Sessions) read(stored rediskv.Value) session.Outcome {
	found, until, err := parse(stored.Data)
	switch {
	case errors.Is(err, errNone):
		return session.Nobody(session.NoSession)
	case err != nil:
		return session.Unknown(session.Undecodable, err)
	case stored.TTL > 0:
		until = s.now().Add(stored.TTL)
	case !until.IsZero() && !until.After(s.now()):
		return session.Unknown(session.Expired, errStale)
	}
	return s.who.find(found, until)
}
