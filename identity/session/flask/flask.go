// Package flask reads Flask's own sessions: the signed cookie of
// SecureCookieSessionInterface (flask/sessions.py, itsdangerous), and who is
// signed in by Flask-Login, or by what stands at another configured path.
//
// It answers what Flask would, with these differences, all of them towards the
// monolith: a signed cookie that cannot be read is unavailable, where Flask answers
// 500; so is one of the future, which Flask refuses, because it rather means that
// our clock is behind; one whose signature is spelled in another way than Flask
// does; and a request that Flask-Login's remember cookie may sign in.
//
// # What ends a session
//
// Only its age, by itself. The cookie is the session: after a logout, who kept a
// copy is signed in until it is too old (31 days) or SECRET_KEY changes, and a new
// password ends nothing. That a user is gone or disabled is seen only with a user
// table ([NewUsers]), which is asked for every session that is opened.
//
// Flask-Login's session protection is not looked at: _id ties a session to an
// address and a browser, as the monolith sees them. A monolith that has it
// "strong", a request_loader, or server-side sessions (Flask-Session) needs
// introspection. Nothing is ever written.
package flask

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Digest is a session interface's digest_method.
type Digest uint8

// The digests.
const (
	SHA1 Digest = iota
	SHA256
	SHA512
)

// Config is what the monolith's settings say. Zero values are Flask's own
// defaults, except that there is none for the keys.
type Config struct {
	// SecretKeys are SECRET_KEY and then SECRET_KEY_FALLBACKS (3.1). Needed.
	SecretKeys []string
	// CookieName is SESSION_COOKIE_NAME; session.
	CookieName string
	// Lifetime is PERMANENT_SESSION_LIFETIME, which ends all sessions, in whole
	// seconds; 31 days.
	Lifetime time.Duration
	// Salt and Digest are those of a session interface of the monolith's own;
	// cookie-session and SHA1.
	Salt   string
	Digest Digest
	// RememberCookie is REMEMBER_COOKIE_NAME; remember_token.
	RememberCookie string
	// User is the path of the user's ID, a text or an integer; _user_id, which is
	// Flask-Login's.
	User string
	// Claims are paths whose values a principal carries under that path; none.
	Claims []string
}

func (c Config) withDefaults() (Config, error) {
	if len(c.SecretKeys) == 0 {
		return c, errors.New("flask sessions need the monolith's SECRET_KEY")
	}
	for _, key := range c.SecretKeys {
		if key == "" {
			return c, errors.New("a SECRET_KEY is empty")
		}
	}
	if c.Lifetime < 0 {
		return c, fmt.Errorf("flask sessions cannot have the lifetime %s", c.Lifetime)
	}
	if c.Lifetime == 0 {
		c.Lifetime = 31 * 24 * time.Hour
	}
	for name, standard := range map[*string]string{
		&c.CookieName: "session", &c.Salt: "cookie-session", &c.RememberCookie: "remember_token", &c.User: "_user_id",
	} {
		if *name == "" {
			*name = standard
		}
	}
	return c, nil
}

// Sessions reads the sessions of one monolith. Safe for concurrent use.
type Sessions struct {
	config Config
	signer signer
	user   session.Path
	claims []session.Path
	users  *Users
	now    func() time.Time
}

// New makes a reader. Without users whoever signed in is believed for as long as
// the cookie is: see the package. An error says which setting is wrong.
func New(config Config, users *Users, now func() time.Time) (*Sessions, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sessions{config: config, users: users, now: now}
	if s.signer, err = newSigner(config); err != nil {
		return nil, err
	}
	if s.user, err = session.ParsePath(config.User); err != nil {
		return nil, fmt.Errorf("the user: %w", err)
	}
	for _, text := range config.Claims {
		path, err := session.ParsePath(text)
		if err != nil {
			return nil, fmt.Errorf("the claims: %w", err)
		}
		s.claims = append(s.claims, path)
	}
	return s, nil
}

// Names are the session cookie and Flask-Login's remember cookie, which signs in
// whoever has it.
func (s *Sessions) Names() []string { return []string{s.config.CookieName, s.config.RememberCookie} }

var (
	errRemember = errors.New("nobody is signed in by the session, and there is a remember cookie, by which the monolith may")
	errFuture   = errors.New("the session was signed after the time it is judged by: --at is before it began, or the monolith's clock is ahead of this one")
	errTooLarge = errors.New("a cookie of more than 16 KiB")
)

// maxCookie is more than any browser sends.
const maxCookie = 16 << 10

// Open says whose session a cookie's value is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, value string) session.Outcome {
	value, remember := remembered(value)
	got := s.open(ctx, value)
	if remember && got.State == session.Anonymous {
		return session.Unknown(session.Unsupported, errRemember)
	}
	return got
}

// Irrevocable implements session.Irrevocable.
func (s *Sessions) Irrevocable() string {
	const text = "the cookie is the session: a logout and a new password are not seen; who kept the cookie stays signed in until it is too old"
	if s.users == nil {
		return text
	}
	return text + ", or the user is locked or deleted"
}

func (s *Sessions) open(ctx context.Context, value string) session.Outcome {
	if len(value) > maxCookie {
		return session.Unknown(session.Unsupported, errTooLarge)
	}
	if !utf8.ValidString(value) { // of which Python makes other bytes
		return session.Unknown(session.Undecodable, errText)
	}
	if err := ctx.Err(); err != nil {
		return session.Unknown(session.TimedOut, err)
	}
	payload, at, why, err := s.signer.unsign(value)
	switch {
	case err != nil:
		return session.Unknown(session.Undecodable, err)
	case why != "":
		return session.Nobody(why)
	}
	session.Step(ctx, "one of the secret keys signed the cookie")
	age := s.now().Unix() - at // in whole seconds, as itsdangerous counts (timed.py, unsign)
	switch {
	case age < 0:
		return session.Unknown(session.Undecodable, errFuture)
	case age > int64(s.config.Lifetime/time.Second):
		return session.Nobody(session.Expired)
	}
	session.Step(ctx, "it is not too old")
	data, err := decode(payload)
	if err != nil {
		return session.Unknown(session.Undecodable, err)
	}
	return s.who(ctx, data, time.Unix(at, 0).Add(s.config.Lifetime))
}
