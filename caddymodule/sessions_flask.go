package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session/flask"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

func init() { caddy.RegisterModule(new(FlaskSessions)) }

// FlaskSessions are Flask's own, the signed cookie, with the user of Flask-Login.
// Placeholders are replaced in secrets and the address. The cookie is the session,
// so no logout and no new password can be seen; that a user is gone or disabled is,
// with a database.
type FlaskSessions struct {
	// SecretKeys are SECRET_KEY and then SECRET_KEY_FALLBACKS. Required.
	SecretKeys []string `json:"secret_keys,omitempty"`
	// Cookie is SESSION_COOKIE_NAME. Default: session.
	Cookie string `json:"cookie,omitempty"`
	// Lifetime is PERMANENT_SESSION_LIFETIME. Default: 31 days.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
	// Salt and Digest are those of a session interface of the monolith's own; Digest
	// is sha1, sha256 or sha512. Defaults: cookie-session, sha1.
	Salt   string `json:"salt,omitempty"`
	Digest string `json:"digest,omitempty"`
	// RememberCookie is REMEMBER_COOKIE_NAME of Flask-Login: a request that has it,
	// and no session of a user, is the monolith's. Default: remember_token.
	RememberCookie string `json:"remember_cookie,omitempty"`
	// User is the path of the user's ID in the session, keys joined by dots.
	// Default: _user_id, which is Flask-Login's.
	User string `json:"user,omitempty"`
	// Claims are paths of values that claims of tokens may be made of, as
	// session.PATH. Default: none.
	Claims []string `json:"claims,omitempty"`
	// Database is the URL of the monolith's database, which has the users:
	// postgres://, mysql:// or sqlite://. A user who can only read is right.
	// Default: none; whoever signed in is believed for as long as the cookie is.
	Database string `json:"database,omitempty"`
	// Users is where the users are in the database.
	Users FlaskUsers `json:"users,omitzero"`
}

// FlaskUsers is the table that the monolith's user_loader reads.
type FlaskUsers struct {
	// Table and Key are its name and primary key. Defaults: user, id.
	Table string `json:"table,omitempty"`
	Key   string `json:"key,omitempty"`
	// KeyType is integer (default), text or uuid.
	KeyType string `json:"key_type,omitempty"`
	// Active is a column of booleans that says who may sign in. Default: none; all
	// may who are in the table.
	Active string `json:"active,omitempty"`
	// Columns are those that claims of tokens may be made of; one with :boolean behind
	// it is true or false in every database. Default: none.
	Columns []string `json:"columns,omitempty"`
}

// CaddyModule returns the module's ID.
func (*FlaskSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".flask", New: func() caddy.Module { return new(FlaskSessions) }}
}

// The words of a Caddyfile, in the order of the constants they stand for.
var (
	flaskDigests  = []string{"sha1", "sha256", "sha512"}
	flaskKeyTypes = []string{"integer", "text", "uuid"}
)

// Provision replaces placeholders and checks the settings.
func (s *FlaskSessions) Provision(caddy.Context) error {
	for i := range s.SecretKeys {
		if err := replacePlaceholders("secret_key", &s.SecretKeys[i]); err != nil {
			return err
		}
	}
	if err := replacePlaceholders("database", &s.Database); err != nil {
		return err
	}
	return tryOpen(s)
}

// Open implements SessionFormat.
func (s *FlaskSessions) Open(now func() time.Time) (*Sessions, error) {
	digest, err := wordIndex("digest", s.Digest, flaskDigests)
	if err != nil {
		return nil, err
	}
	out := &Sessions{Attributes: append(sessionAttributes(s.Claims), sqldb.Names(s.Users.Columns)...)}
	users, err := s.users(out)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	reader, err := flask.New(flask.Config{
		SecretKeys: s.SecretKeys, CookieName: s.Cookie, Lifetime: time.Duration(s.Lifetime), Salt: s.Salt, Digest: flask.Digest(digest), //#nosec G115 -- there are three
		RememberCookie: s.RememberCookie, User: s.User, Claims: s.Claims,
	}, users, now)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	out.Reader = reader
	return out, nil
}

// users is nil without a database.
func (s *FlaskSessions) users(out *Sessions) (*flask.Users, error) {
	u := s.Users
	if s.Database == "" {
		if u.Table+u.Key+u.KeyType+u.Active != "" || u.Columns != nil {
			return nil, errors.New("users: the database that has them is missing; write: database postgres://…")
		}
		return nil, nil //nolint:nilnil // no users is what is configured
	}
	kind, err := wordIndex("users: key_type", u.KeyType, flaskKeyTypes)
	if err != nil {
		return nil, err
	}
	db, dialect, err := out.database(s.Database)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return flask.NewUsers(db, dialect, flask.UserTable{
		Table: u.Table, Key: u.Key, KeyType: sqldb.KeyType(kind), Active: u.Active, Columns: u.Columns, //#nosec G115 -- there are three
	})
}

// wordIndex answers which of the known words a setting is; the first when it is
// empty.
func wordIndex(name, word string, known []string) (int, error) {
	if word == "" {
		return 0, nil
	}
	if i := slices.Index(known, word); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%s %q is not known; these are: %v", name, word, known)
}

var (
	_ caddy.Provisioner = (*FlaskSessions)(nil)
	_ SessionFormat     = (*FlaskSessions)(nil)
)
