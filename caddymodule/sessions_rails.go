package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rails"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

func init() { caddy.RegisterModule(new(RailsSessions)) }

// RailsSessions are those of Ruby on Rails, 5.2 and later, in JSON. Placeholders
// are replaced in secrets and addresses.
type RailsSessions struct {
	// Secrets are secret_key_base and then those of before. Required, but by the
	// store redis, whose cookie is plain.
	Secrets []string `json:"secrets,omitempty"`
	// Cookie is the session's cookie, the key of config.session_store:
	// _<app>_session. Required, but by the store records: session_id.
	Cookie string `json:"cookie,omitempty"`
	// Store is where the sessions are: cookie (default), redis, or records, the
	// sessions table of Rails 8's generated authentication.
	Store string `json:"store,omitempty"`
	// Redis and Prefix are the URL of the store redis, and what its keys begin with.
	Redis  string `json:"redis,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Table is the table of the store records. Default: sessions.
	Table string `json:"table,omitempty"`
	// Database is the URL of the monolith's database: postgres://, mysql:// or
	// sqlite://. A user who can only read is right. With one the user's row must be
	// there. Required, but with At.
	Database string `json:"database,omitempty"`
	// Listen has the table tell of sessions that changed, for the store records.
	// Default: it does not.
	Listen *Listen `json:"listen,omitempty"`
	// Scope is Devise's scope. Default: user.
	Scope string `json:"scope,omitempty"`
	// At is where the user's ID is in the session of a monolith without Devise, keys
	// joined by dots: user_id.
	At string `json:"at,omitempty"`
	// Timeout is timeout_in of Devise's timeoutable. Default: none.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// Users is where the users are.
	Users RailsUsers `json:"users,omitzero"`
	// Claims are keys of the session that claims of tokens may be made of, as
	// session.KEY. Default: none.
	Claims []string `json:"claims,omitempty"`
}

// RailsUsers is the table of users.
type RailsUsers struct {
	// Table and Key are its name and primary key. Defaults: users, id.
	Table string `json:"table,omitempty"`
	Key   string `json:"key,omitempty"`
	// KeyType is integer (default), text or uuid.
	KeyType string `json:"key_type,omitempty"`
	// Password is the column that Devise has the beginning of in the session; "none"
	// says that there is none. Default: encrypted_password, which only Devise needs.
	Password string `json:"password,omitempty"`
	// Active is a column that says who may sign in. Default: none, all may.
	Active string `json:"active,omitempty"`
	// Null and Set are columns that must be null (locked_at) and must not be
	// (confirmed_at), else the monolith serves. Default: none.
	Null []string `json:"null,omitempty"`
	Set  []string `json:"set,omitempty"`
	// Columns are those that claims of tokens may be made of; one with :boolean behind
	// it is true or false in every database. Default: none.
	Columns []string `json:"columns,omitempty"`
}

// CaddyModule returns the module's ID.
func (*RailsSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".rails", New: func() caddy.Module { return new(RailsSessions) }}
}

// railsStores are the words for a store.
var railsStores = []string{"cookie", "records", "redis"}

// Provision replaces placeholders and checks the settings.
func (s *RailsSessions) Provision(caddy.Context) error {
	for i := range s.Secrets {
		if err := replacePlaceholders("secret_key_base", &s.Secrets[i]); err != nil {
			return err
		}
	}
	for what, text := range map[string]*string{"database": &s.Database, "store redis": &s.Redis} {
		if *text == "" {
			continue
		}
		if err := replacePlaceholders(what, text); err != nil {
			return err
		}
	}
	if err := s.Listen.replace(); err != nil {
		return err
	}
	return tryOpen(s)
}

// Open implements SessionFormat.
func (s *RailsSessions) Open(now func() time.Time) (*Sessions, error) {
	out := new(Sessions)
	reader, err := s.open(out, now)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	out.Reader, out.Watch = reader, reader.Watch()
	out.Attributes = sqldb.Names(s.Users.Columns)
	for _, key := range s.Claims {
		out.Attributes = append(out.Attributes, "session."+key)
	}
	return out, nil
}

func (s *RailsSessions) open(out *Sessions, now func() time.Time) (*rails.Sessions, error) {
	config := rails.Config{
		Secrets: s.Secrets, CookieName: s.Cookie, Scope: s.Scope, Timeout: time.Duration(s.Timeout), Claims: s.Claims,
	}
	if config.CookieName == "" && s.Store == "records" {
		config.CookieName = "session_id"
	}
	if s.At != "" {
		path, err := session.ParsePath(s.At)
		if err != nil {
			return nil, fmt.Errorf("user at %s: %w", s.At, err)
		}
		config.Path = path
	}
	var users *rails.Users
	var records *rails.Records
	if s.Database != "" {
		db, dialect, err := out.database(s.Database)
		if err != nil {
			return nil, fmt.Errorf("database: %w", err)
		}
		table, err := s.table()
		if err != nil {
			return nil, err
		}
		if users, err = rails.NewUsers(db, dialect, table); err != nil {
			return nil, err
		}
		if records, err = rails.NewRecords(db, dialect, sqldb.Table{Name: s.Table}); err != nil {
			return nil, err
		}
		if s.Listen != nil {
			if records.Events, err = out.listen(s.Listen, records, dialect, s.Database); err != nil {
				return nil, err
			}
		}
	}
	store, err := s.store(out, records)
	if err != nil {
		return nil, err
	}
	return rails.New(config, store, users, now)
}

// table is the users' table as package rails has it. Only Devise compares the
// password.
func (s *RailsSessions) table() (rails.UserTable, error) {
	u := s.Users
	kind := max(0, slices.Index(djangoKeyTypes, u.KeyType))
	if u.KeyType != "" && u.KeyType != djangoKeyTypes[kind] {
		return rails.UserTable{}, fmt.Errorf("users: key_type %q: integer, text or uuid is expected", u.KeyType)
	}
	t := rails.UserTable{Table: u.Table, Key: u.Key, KeyType: sqldb.KeyType(kind), Password: u.Password, Active: u.Active, Null: u.Null, Set: u.Set, Columns: u.Columns} //#nosec G115 -- there are three
	if t.NoPassword = u.Password == noColumn || s.At != "" || s.Store == "records"; t.NoPassword {
		t.Password = ""
	}
	return t, nil
}

// store is where the sessions are.
func (s *RailsSessions) store(out *Sessions, records *rails.Records) (rails.Store, error) {
	if err := s.Listen.of(s.Store == "records"); err != nil {
		return nil, err
	}
	switch s.Store {
	case "", "cookie":
		return rails.CookieStore{}, nil
	case "redis":
		redis, err := out.redis(s.Redis)
		if err != nil {
			return nil, fmt.Errorf("store redis: %w", err)
		}
		return rails.Redis{Redis: redis, Prefix: s.Prefix}, nil
	case "records":
		if records == nil {
			return nil, errors.New("store records: the database is missing; write: database postgres://…")
		}
		return records, nil
	}
	return nil, fmt.Errorf("store %q is not known; these are: %v", s.Store, railsStores)
}

var (
	_ caddy.Provisioner = (*RailsSessions)(nil)
	_ SessionFormat     = (*RailsSessions)(nil)
)
