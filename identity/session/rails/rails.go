// Package rails reads the sessions of Ruby on Rails, 5.2 and later: the cookie
// store in all its ciphers, sessions in Redis, and the sessions table of Rails 8's
// own authentication. What Rails serializes must be JSON.
//
// A request's way through it: the cookie as Rack's parser finds it
// ([Sessions.Cookie]); the session from the store ([CookieStore], [Redis],
// [Records]), decrypted or verified as ActionDispatch::Cookies does; then who it
// is: Devise's user, whose encrypted_password must still begin as the session
// says, or the value at a path such as user_id ([Users]).
//
// It answers what Rails would, with three differences, all towards the monolith:
// a cookie that Rails 6.1 and 7.1 read differently, what Rails itself answers a
// 500 to, and a session in Marshal or MessagePack are unavailable. Nothing of
// Ruby is ever built: for such a monolith use introspection, or set
// config.action_dispatch.cookies_serializer to :hybrid and wait until the
// cookies are new.
//
// A session in a cookie cannot be revoked: who kept the cookie of before a logout
// stays signed in with it, here as at the monolith, until it expires. Only
// Devise's password prefix ends it, by a change of the password.
//
// Nothing is ever written. Custom Warden strategies and serializers, a model's
// own authenticatable_salt or active_for_authentication? are not seen. Devise's
// remember-me cookie is not opened, but who has one and is not signed in by the
// session is unavailable: Devise will sign them in.
package rails

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Config is what the monolith's settings say.
type Config struct {
	// Secrets are secret_key_base and then those of before, config.secret_key_base
	// and the rotations. Needed, but by a Redis store whose cookie is plain.
	Secrets []string
	// CookieName is the session store's key, _<app>_session. Needed.
	CookieName string
	// Scope is Devise's scope; user. It is not looked at when there is a Path.
	Scope string
	// Path is where the user's ID is in a session without Devise, such as user_id,
	// or auth and id; none.
	Path session.Path
	// Timeout is timeout_in of Devise's timeoutable; none. A session's time goes on
	// when the monolith serves a request, not when a service does.
	Timeout time.Duration
	// Claims are keys of the session whose values a principal carries; none.
	Claims []string
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.CookieName == "":
		return c, errors.New("rails sessions need the name of the session cookie, _<app>_session")
	case c.Timeout < 0:
		return c, fmt.Errorf("rails sessions cannot have the timeout %s", c.Timeout)
	}
	for _, secret := range c.Secrets {
		if secret == "" {
			return c, errors.New("rails sessions cannot have an empty secret_key_base")
		}
	}
	if c.Scope == "" {
		c.Scope = "user"
	}
	return c, nil
}

// Sessions reads the sessions of one monolith. Safe for concurrent use.
type Sessions struct {
	config Config
	keys   keys
	store  Store
	users  *Users
	now    func() time.Time

	warden, activity string // Devise's keys in a session
	remember         string // Devise's cookie; empty without Devise
}

var _ session.Reader = (*Sessions)(nil)

// New makes a reader; deriving the keys takes some milliseconds for each secret.
// Users may be nil with a Path: then every ID is a user. An error says which
// setting is wrong.
func New(config Config, store Store, users *Users, now func() time.Time) (*Sessions, error) {
	config, err := config.withDefaults()
	switch {
	case err != nil:
		return nil, err
	case store.sealed() && len(config.Secrets) == 0:
		return nil, errors.New("rails sessions need the monolith's secret_key_base")
	case users == nil && len(config.Path) == 0 && store.needsUsers():
		return nil, errors.New("rails sessions with Devise need the table of users")
	}
	derived, err := derive(config.Secrets)
	if err != nil {
		return nil, err
	}
	remember := ""
	if len(config.Path) == 0 && store.needsUsers() {
		remember = "remember_" + config.Scope + "_token"
	}
	return &Sessions{
		remember: remember,
		config:   config, keys: derived, store: store, users: users, now: now,
		warden:   "warden.user." + config.Scope + ".key",
		activity: "warden.user." + config.Scope + ".session",
	}, nil
}

// Watch tells of the sessions that the store changes or ends, where it does: Redis,
// and a table with a trigger ([Records.Events]).
func (s *Sessions) Watch() session.Watch {
	store := s.store.watch(s)
	return session.Watch{Events: store.Events, Key: func(cookie string) (string, bool) {
		cookie, _ = strings.CutSuffix(cookie, mark)
		return store.Key(unescape(cookie))
	}}
}

// Open says whose session a cookie's value is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, cookie string) session.Outcome {
	cookie, remembered := strings.CutSuffix(cookie, mark)
	found := s.outcome(ctx, cookie)
	if remembered && found.State == session.Anonymous {
		return session.Unknown(session.Unsupported, errRemember)
	}
	return found
}

func (s *Sessions) outcome(ctx context.Context, cookie string) session.Outcome {
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

// Irrevocable implements session.Irrevocable, for cookie stores.
func (s *Sessions) Irrevocable() string {
	if _, ok := s.store.(CookieStore); !ok {
		return ""
	}
	return "the cookie is the session: a logout is not seen; who kept the cookie stays signed in until its end, if it has one, or, with Devise, until the password changes"
}

func (s *Sessions) open(ctx context.Context, cookie string) (session.Principal, error) {
	if err := ctx.Err(); err != nil {
		return session.Principal{}, err
	}
	if len(cookie) > maxCookie {
		return session.Principal{}, nobody(session.BadCookie)
	}
	found, err := s.store.load(ctx, s, unescape(cookie))
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
