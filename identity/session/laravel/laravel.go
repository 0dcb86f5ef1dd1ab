// Package laravel reads Laravel's sessions: the encrypted cookie, which has the
// session's ID, and the stores file, database and redis. Run against Laravel
// 8's classes; what 9 to 12 added (JSON, previous keys, the signed password
// hash) is by their sources.
//
// How soon a logout is seen: every store is read anew for each [Sessions.Open],
// so at once, and where outcomes are kept, within that time. A change of the
// password ends the other sessions only where the monolith has the middleware
// AuthenticateSession, and so here: [Config.AuthenticateSession]. Without
// [Users] a deleted user stays until the session ends.
//
// It answers what Laravel would, with these differences, all towards the
// monolith: data in a store that cannot be read or decrypted is unavailable,
// where Laravel takes it for an empty session, because it is rather our
// configuration that is wrong than everyone logged out. A remember-me cookie
// is not opened, but who has one and is not signed in by the session is
// unavailable: Laravel will sign them in, and make a session of it.
//
// Nothing is ever written. The drivers cookie, memcached, dynamodb and array,
// and guards of another kind than session, are not read: use introspection for
// such a monolith.
package laravel

import (
	"context"
	"crypto/sha1" // #nosec G505 -- Laravel names its keys by it
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// Config is what the monolith's settings say. Zero values are Laravel's
// defaults, except that there is none for the keys.
type Config struct {
	// Keys are APP_KEY and then those of APP_PREVIOUS_KEYS, with base64: before
	// them or not. Needed.
	Keys []string
	// Cipher is app.cipher: AES-256-CBC, AES-128-CBC, AES-256-GCM or AES-128-GCM;
	// AES-256-CBC.
	Cipher string
	// CookieName is session.cookie; laravel_session.
	CookieName string
	// Lifetime is session.lifetime; two hours.
	Lifetime time.Duration
	// Encrypted is session.encrypt; off.
	Encrypted bool
	// JSON is session.serialization = json; PHP's serialize.
	JSON bool
	// Guard is auth.defaults.guard; web.
	Guard string
	// GuardClass is the guard's class, which names the session's key; Laravel's
	// SessionGuard.
	GuardClass string
	// AuthenticateSession says that the monolith has that middleware: a session
	// from before the password changed is nobody's. It needs Users.
	AuthenticateSession bool
	// Claims are values of the session that a principal carries, by their paths;
	// none.
	Claims []session.Path
}

// Store is where the sessions are: [Files], [Database] or [Redis].
type Store interface {
	load(ctx context.Context, s *Sessions, id string) (record, error)
	// watch is how the store tells of sessions, which its Key knows by their ID.
	watch() session.Watch
}

// record is what a store has under an ID.
type record struct {
	data    string
	expires time.Time // zero: not known
}

// Sessions reads the sessions of one monolith. Safe for concurrent use.
type Sessions struct {
	config   Config
	crypt    encrypter
	prefixes []string // that a cookie's plain text can begin with
	store    Store
	users    *Users
	now      func() time.Time

	userKey, hashKey, remember string
}

var _ session.Reader = (*Sessions)(nil)

// New makes a reader. users may be nil: then every ID in a session is a user. An
// error says which setting is wrong, and holds no key.
func New(config Config, store Store, users *Users, now func() time.Time) (*Sessions, error) {
	for setting, standard := range map[*string]string{
		&config.Cipher: "AES-256-CBC", &config.CookieName: "laravel_session", &config.Guard: "web", &config.GuardClass: `Illuminate\Auth\SessionGuard`,
	} {
		if *setting == "" {
			*setting = standard
		}
	}
	if config.Lifetime == 0 {
		config.Lifetime = 2 * time.Hour
	}
	crypt, err := newEncrypter(config.Cipher, config.Keys)
	switch {
	case err != nil:
		return nil, err
	case config.Lifetime < 0:
		return nil, fmt.Errorf("laravel sessions cannot have the lifetime %s", config.Lifetime)
	case strings.ContainsAny(config.CookieName, "=,;.[ \t\r\n\v\f"):
		return nil, fmt.Errorf("laravel sessions: %q is no name of a cookie that PHP takes", config.CookieName)
	case strings.Contains(config.Guard, "."):
		return nil, fmt.Errorf("laravel sessions: guard %q has a dot", config.Guard)
	case config.AuthenticateSession && users == nil:
		return nil, errors.New("laravel sessions: AuthenticateSession compares with the user's row: it needs the users")
	}
	class := sha1.Sum([]byte(config.GuardClass)) // #nosec G401 -- Laravel names its keys by it
	s := &Sessions{
		config: config, crypt: crypt, store: store, users: users, now: now,
		userKey: "login_" + config.Guard + "_" + hex.EncodeToString(class[:]),
		hashKey: "password_hash_" + config.Guard, remember: "remember_" + config.Guard + "_" + hex.EncodeToString(class[:]),
	}
	for _, key := range crypt.keys {
		s.prefixes = append(s.prefixes, cookiePrefix(config.CookieName, key.raw))
	}
	return s, nil
}

// Watch tells of the sessions that the store changes or ends, where it does: Redis,
// and a table with a trigger ([Database.Events]).
func (s *Sessions) Watch() session.Watch {
	store := s.store.watch()
	return session.Watch{Events: store.Events, Key: func(value string) (string, bool) {
		value, _ = strings.CutSuffix(value, mark)
		id, err := s.id(value)
		if err != nil {
			return "", false
		}
		return store.Key(id)
	}}
}

// Names are the session's cookie and the guard's remember-me cookie, which signs in
// whoever has it (Illuminate\Auth\SessionGuard::getRecallerName).
func (s *Sessions) Names() []string { return []string{s.config.CookieName, s.remember} }

// Resolve says who a request is from, by its header.
func (s *Sessions) Resolve(ctx context.Context, header http.Header) session.Outcome {
	value, known, ok := s.Cookie(header)
	if !ok {
		return known
	}
	return s.Open(ctx, value)
}

// Open says whose session a cookie's value is; see [Sessions.Cookie].
func (s *Sessions) Open(ctx context.Context, value string) session.Outcome {
	value, remembered := strings.CutSuffix(value, mark)
	found := s.outcome(ctx, value)
	if remembered && found.State == session.Anonymous {
		return session.Unknown(session.Unsupported, errRemember)
	}
	return found
}

func (s *Sessions) outcome(ctx context.Context, value string) session.Outcome {
	principal, err := s.open(ctx, value)
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

func (s *Sessions) open(ctx context.Context, value string) (session.Principal, error) {
	if err := ctx.Err(); err != nil {
		return session.Principal{}, err
	}
	id, err := s.id(value)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "one of the keys made the cookie")
	found, err := s.store.load(ctx, s, id)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "the store has the session")
	vars, err := s.decode(found.data)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "its data can be read")
	principal, err := s.who(ctx, vars)
	principal.Expires = found.expires
	principal.Session = unserialize.Carried(vars, s.config.Claims)
	return principal, err
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
