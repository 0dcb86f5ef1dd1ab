package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session/django"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

func init() { caddy.RegisterModule(new(DjangoSessions)) }

// DjangoSessions are Django's, 3.2 to 5.2: what its settings say. Placeholders
// are replaced in secrets and addresses.
type DjangoSessions struct {
	// SecretKeys are SECRET_KEY and then SECRET_KEY_FALLBACKS. Required.
	SecretKeys []string `json:"secret_keys,omitempty"`
	// Engine is SESSION_ENGINE: db, cache, cached_db, file or signed_cookies. Required.
	Engine string `json:"engine,omitempty"`
	// Database is the URL of the monolith's database, which has the users, and for
	// the engines db and cached_db the sessions: postgres://, mysql:// or sqlite://.
	// A user who can only read is right. Required.
	Database string `json:"database,omitempty"`
	// Table is the sessions' table. Default: django_session.
	Table string `json:"table,omitempty"`
	// Listen has the table tell of sessions that changed, for the engine db. Default:
	// it does not.
	Listen *Listen `json:"listen,omitempty"`
	// Redis is the URL of the cache, for the engines cache and cached_db.
	Redis string `json:"redis,omitempty"`
	// Cache says how the cache is set up.
	Cache DjangoCache `json:"cache,omitzero"`
	// Dir is SESSION_FILE_PATH, for the engine file.
	Dir string `json:"dir,omitempty"`
	// Cookie and CookieAge are SESSION_COOKIE_NAME and SESSION_COOKIE_AGE.
	// Defaults: sessionid, two weeks.
	Cookie    string         `json:"cookie,omitempty"`
	CookieAge caddy.Duration `json:"cookie_age,omitempty"`
	// CSRFCookie is CSRF_COOKIE_NAME. Default: csrftoken.
	CSRFCookie string `json:"csrf_cookie,omitempty"`
	// Serializer is SESSION_SERIALIZER: json (default) or pickle.
	Serializer string `json:"serializer,omitempty"`
	// StoreClass is the name of the session engine's class. Default: SessionStore.
	StoreClass string `json:"store_class,omitempty"`
	// SHA1 accepts what Django below 3.1 signed.
	SHA1 bool `json:"sha1,omitempty"`
	// Backends are AUTHENTICATION_BACKENDS. Default: Django's ModelBackend.
	Backends []string `json:"backends,omitempty"`
	// Zone is TIME_ZONE of a monolith with USE_TZ = False. Default: UTC.
	Zone string `json:"zone,omitempty"`
	// Users is where the user model is.
	Users DjangoUsers `json:"users,omitzero"`
	// Claims are keys of the session that claims of tokens may be made of, as
	// session.KEY. Default: none.
	Claims []string `json:"claims,omitempty"`
}

// DjangoCache is one of the monolith's CACHES, on Redis.
type DjangoCache struct {
	// KeyPrefix and Version are KEY_PREFIX and VERSION. Defaults: none, 1.
	KeyPrefix string `json:"key_prefix,omitempty"`
	Version   int    `json:"version,omitempty"`
	// JSON is for django-redis with its JSONSerializer.
	JSON bool `json:"json,omitempty"`
	// Compressor is django-redis' COMPRESSOR: zlib, gzip, lzma, lz4 or zstd.
	Compressor string `json:"compressor,omitempty"`
}

// DjangoUsers is the user model's table: AUTH_USER_MODEL.
type DjangoUsers struct {
	// Table and Key are its table and primary key. Defaults: auth_user, id.
	Table string `json:"table,omitempty"`
	Key   string `json:"key,omitempty"`
	// KeyType is integer (default), text or uuid.
	KeyType string `json:"key_type,omitempty"`
	// Password and Active are the columns of the password's hash and of who may
	// sign in; "none" says that there is none. Defaults: password, is_active.
	Password string `json:"password,omitempty"`
	Active   string `json:"active,omitempty"`
	// Columns are those that claims of tokens may be made of; one with :boolean behind
	// it is true or false in every database. Default: none.
	Columns []string `json:"columns,omitempty"`
}

// CaddyModule returns the module's ID.
func (*DjangoSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".django", New: func() caddy.Module { return new(DjangoSessions) }}
}

// The words of a Caddyfile, in the order of the constants they stand for.
var (
	djangoCompressors = []string{"", "zlib", "gzip", "lzma", "lz4", "zstd"}
	djangoSerializers = []string{"json", "pickle"}
	djangoKeyTypes    = []string{"integer", "text", "uuid"}
	djangoEngines     = []string{"cache", "cached_db", "db", "file", "signed_cookies"}
)

// noColumn says that a table has no such column.
const noColumn = "none"

// Provision replaces placeholders and checks the settings.
func (s *DjangoSessions) Provision(caddy.Context) error {
	for i := range s.SecretKeys {
		if err := replacePlaceholders("secret_key", &s.SecretKeys[i]); err != nil {
			return err
		}
	}
	if err := errors.Join(replacePlaceholders("database", &s.Database), replacePlaceholders("redis", &s.Redis), replacePlaceholders("dir", &s.Dir), s.Listen.replace()); err != nil {
		return err
	}
	return tryOpen(s)
}

// Open implements SessionFormat.
func (s *DjangoSessions) Open(now func() time.Time) (*Sessions, error) {
	if s.Database == "" {
		return nil, errors.New("the database is missing: it has the users; write: database postgres://…")
	}
	out := &Sessions{CSRFCookie: s.CSRFCookie}
	if out.CSRFCookie == "" {
		out.CSRFCookie = "csrftoken"
	}
	reader, err := s.open(out, now)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	out.Reader = reader
	out.Attributes = append(out.Attributes, sqldb.Names(s.Users.Columns)...)
	for _, key := range s.Claims {
		out.Attributes = append(out.Attributes, "session."+key)
	}
	return out, nil
}

func (s *DjangoSessions) open(out *Sessions, now func() time.Time) (*django.Sessions, error) {
	serializer := django.JSON
	switch s.Serializer {
	case "", "json":
	case "pickle":
		serializer = django.Pickle
	default:
		return nil, fmt.Errorf("serializer %q is not known; these are: %v", s.Serializer, djangoSerializers)
	}
	config := django.Config{
		SecretKeys: s.SecretKeys, CookieName: s.Cookie, CookieAge: time.Duration(s.CookieAge), Serializer: serializer,
		StoreClass: s.StoreClass, SHA1: s.SHA1, Backends: s.Backends, Claims: s.Claims,
	}
	if s.Zone != "" {
		zone, err := time.LoadLocation(s.Zone)
		if err != nil {
			return nil, fmt.Errorf("zone: %q is no time zone, such as Europe/Berlin", s.Zone)
		}
		config.Zone = zone
	}
	db, dialect, err := out.database(s.Database)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	table, err := s.Users.table()
	if err != nil {
		return nil, err
	}
	users, err := django.NewUsers(db, dialect, table)
	if err != nil {
		return nil, err
	}
	var database *django.Database
	if s.Engine == "db" || s.Engine == "cached_db" {
		if database, err = django.NewDatabase(db, dialect, s.Table); err != nil {
			return nil, err
		}
	}
	if err := s.Listen.of(s.Engine == "db"); err != nil {
		return nil, err
	}
	if s.Listen != nil {
		if database.Events, err = out.listen(s.Listen, database, dialect, s.Database); err != nil {
			return nil, err
		}
	}
	engine, err := s.engine(out, database)
	if err != nil {
		return nil, err
	}
	return django.New(config, engine, users, now)
}

// table is the user table as package django has it.
func (u DjangoUsers) table() (django.UserTable, error) {
	kind := max(0, slices.Index(djangoKeyTypes, u.KeyType))
	if u.KeyType != "" && u.KeyType != djangoKeyTypes[kind] {
		return django.UserTable{}, fmt.Errorf("users: key_type %q: integer, text or uuid is expected", u.KeyType)
	}
	t := django.UserTable{Table: u.Table, Key: u.Key, KeyType: sqldb.KeyType(kind), Password: u.Password, Active: u.Active, Columns: u.Columns} //#nosec G115 -- there are three
	if t.NoPassword = u.Password == noColumn; t.NoPassword {
		t.Password = ""
	}
	if t.NoActive = u.Active == noColumn; t.NoActive {
		t.Active = ""
	}
	return t, nil
}

// engine is where the sessions are.
func (s *DjangoSessions) engine(out *Sessions, database *django.Database) (django.Engine, error) {
	switch s.Engine {
	case "db":
		out.Watch = database.Watch()
		return database, nil
	case "signed_cookies":
		return django.SignedCookies{}, nil
	case "file":
		if s.Dir == "" {
			return nil, errors.New("engine file: the folder is missing; write: engine file <dir>")
		}
		return django.Files{Dir: s.Dir}, nil
	case "cache", "cached_db":
		cache, err := s.cache(out)
		if err != nil {
			return nil, err
		}
		if s.Engine == "cache" {
			out.Watch = cache.Watch()
			return cache, nil
		}
		both := django.CachedDatabase{Cache: cache, Database: database}
		out.Watch = both.Watch()
		return both, nil
	case "":
		return nil, errors.New("the engine is missing; write: engine db <url>")
	}
	return nil, fmt.Errorf("engine %q is not known; these are: %v", s.Engine, djangoEngines)
}

func (s *DjangoSessions) cache(out *Sessions) (*django.Cache, error) {
	redis, err := out.redis(s.Redis)
	if err != nil {
		return nil, fmt.Errorf("engine %s: %w", s.Engine, err)
	}
	compressor := slices.Index(djangoCompressors, s.Cache.Compressor)
	if compressor < 0 {
		return nil, fmt.Errorf("cache: compressor %q is not known; these are: %v", s.Cache.Compressor, djangoCompressors[1:])
	}
	return django.NewCache(redis, django.CacheConfig{
		KeyPrefix: s.Cache.KeyPrefix, Version: s.Cache.Version, JSON: s.Cache.JSON,
		Compressor: django.Compressor(compressor), //#nosec G115 -- there are six
	}), nil
}

var (
	_ caddy.Provisioner = (*DjangoSessions)(nil)
	_ SessionFormat     = (*DjangoSessions)(nil)
)
