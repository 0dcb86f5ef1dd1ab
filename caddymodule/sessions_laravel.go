package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session/laravel"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

func init() { caddy.RegisterModule(new(LaravelSessions)) }

// LaravelSessions are Laravel's: what its config/ says. Placeholders are replaced
// in keys, addresses and paths.
type LaravelSessions struct {
	// Keys are APP_KEY and then APP_PREVIOUS_KEYS. Required.
	Keys []string `json:"keys,omitempty"`
	// Cipher is app.cipher. Default: AES-256-CBC.
	Cipher string `json:"cipher,omitempty"`
	// Store is session.driver: file, database or redis. Required.
	Store string `json:"store,omitempty"`
	// Dir is session.files, for the store file.
	Dir string `json:"dir,omitempty"`
	// Database is the URL of the database with the sessions, for that store, and
	// of the one with the users: postgres://, mysql:// or sqlite://. A user who can
	// only read is right.
	Database string `json:"database,omitempty"`
	// Table is session.table. Default: sessions.
	Table string `json:"table,omitempty"`
	// Listen has the table tell of sessions that changed, for the store database.
	// Default: it does not.
	Listen *Listen `json:"listen,omitempty"`
	// Redis is the URL of the server, for that store, Prefix all that stands before
	// an ID: the connection's prefix, then the cache's, with a colon up to Laravel 10.
	Redis  string `json:"redis,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Cookie and Lifetime are session.cookie and session.lifetime. Defaults:
	// laravel_session, two hours.
	Cookie   string         `json:"cookie,omitempty"`
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
	// Encrypted is session.encrypt, JSON session.serialization = json.
	Encrypted bool `json:"encrypted,omitempty"`
	JSON      bool `json:"json,omitempty"`
	// Guard is auth.defaults.guard, GuardClass its class. Defaults: web, Laravel's
	// SessionGuard.
	Guard      string `json:"guard,omitempty"`
	GuardClass string `json:"guard_class,omitempty"`
	// AuthenticateSession is for a monolith with that middleware: a session from
	// before the password changed is nobody's. It needs the users.
	AuthenticateSession bool `json:"authenticate_session,omitempty"`
	// Users is where the users are. Default: they are not looked at, and every ID
	// in a session is one.
	Users *LaravelUsers `json:"users,omitempty"`
	// Claims are paths in the session that claims of tokens may be made of, as
	// session.PATH. Default: none.
	Claims []string `json:"claims,omitempty"`
}

// LaravelUsers is the table of the guard's users.
type LaravelUsers struct {
	// Table and Key are its name and primary key. Defaults: users, id.
	Table string `json:"table,omitempty"`
	Key   string `json:"key,omitempty"`
	// KeyType is integer (default) or text, as UUIDs and ULIDs are.
	KeyType string `json:"key_type,omitempty"`
	// Password is the column of the password's hash. Default: password.
	Password string `json:"password,omitempty"`
	// Deleted is the column of SoftDeletes, such as deleted_at. Default: none.
	Deleted string `json:"deleted,omitempty"`
	// Columns are those that claims of tokens may be made of; one with :boolean behind
	// it is true or false in every database. Default: none.
	Columns []string `json:"columns,omitempty"`
}

var laravelKeyTypes = []string{"integer", "text"}

// CaddyModule returns the module's ID.
func (*LaravelSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".laravel", New: func() caddy.Module { return new(LaravelSessions) }}
}

// Provision replaces placeholders and checks the settings.
func (s *LaravelSessions) Provision(caddy.Context) error {
	for i := range s.Keys {
		if err := replacePlaceholders("app_key", &s.Keys[i]); err != nil {
			return err
		}
	}
	err := errors.Join(replacePlaceholders("store file", &s.Dir), replacePlaceholders("database", &s.Database), replacePlaceholders("store redis", &s.Redis, &s.Prefix), s.Listen.replace())
	if err != nil {
		return err
	}
	return tryOpen(s)
}

// Open implements SessionFormat.
func (s *LaravelSessions) Open(now func() time.Time) (*Sessions, error) {
	config := laravel.Config{
		Keys: s.Keys, Cipher: s.Cipher, CookieName: s.Cookie, Lifetime: time.Duration(s.Lifetime), Encrypted: s.Encrypted, JSON: s.JSON,
		Guard: s.Guard, GuardClass: s.GuardClass, AuthenticateSession: s.AuthenticateSession,
	}
	out := &Sessions{CSRFCookie: "XSRF-TOKEN"}
	var err error
	if config.Claims, out.Attributes, err = sessionClaims(s.Claims); err != nil {
		return nil, err
	}
	reader, err := s.open(out, config, now)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	out.Reader, out.Watch = reader, reader.Watch()
	return out, nil
}

func (s *LaravelSessions) open(out *Sessions, config laravel.Config, now func() time.Time) (*laravel.Sessions, error) {
	var db sqldb.Queryer
	var dialect sqldb.Dialect
	if s.Database != "" {
		opened, of, err := out.database(s.Database)
		if err != nil {
			return nil, fmt.Errorf("database: %w", err)
		}
		db, dialect = opened, of
	}
	var users *laravel.Users
	if s.Users != nil {
		if db == nil {
			return nil, errors.New("users: the database is missing; write: database <url>")
		}
		kind := sqldb.IntegerKey
		switch s.Users.KeyType {
		case "", "integer":
		case "text":
			kind = sqldb.TextKey
		default:
			return nil, fmt.Errorf("users: key_type %q: integer or text is expected", s.Users.KeyType)
		}
		var err error
		users, err = laravel.NewUsers(db, dialect, laravel.UserTable{
			Table: s.Users.Table, Key: s.Users.Key, KeyType: kind, Password: s.Users.Password, Deleted: s.Users.Deleted, Columns: s.Users.Columns,
		})
		if err != nil {
			return nil, err
		}
		out.Attributes = append(out.Attributes, sqldb.Names(s.Users.Columns)...)
	}
	store, err := s.store(out, db, dialect)
	if err != nil {
		return nil, err
	}
	return laravel.New(config, store, users, now)
}

func (s *LaravelSessions) store(out *Sessions, db sqldb.Queryer, dialect sqldb.Dialect) (laravel.Store, error) {
	if err := s.Listen.of(s.Store == "database"); err != nil {
		return nil, err
	}
	switch s.Store {
	case "file":
		if s.Dir == "" {
			return nil, errors.New("store file: the folder is missing; write: store file <dir>")
		}
		return laravel.Files{Dir: s.Dir}, nil
	case "database":
		if db == nil {
			return nil, errors.New("store database: the URL is missing; write: store database <url>")
		}
		table, err := laravel.NewDatabase(db, dialect, s.Table)
		if err == nil && s.Listen != nil {
			table.Events, err = out.listen(s.Listen, table, dialect, s.Database)
		}
		return table, err
	case "redis":
		client, err := out.redis(s.Redis)
		if err != nil {
			return nil, fmt.Errorf("store redis: %w", err)
		}
		return laravel.NewRedis(client, s.Prefix), nil
	}
	return nil, errors.New("the store is missing; write: store file <dir>, store database <url> or store redis <url> <prefix>")
}

var (
	_ caddy.Provisioner = (*LaravelSessions)(nil)
	_ SessionFormat     = (*LaravelSessions)(nil)
)
