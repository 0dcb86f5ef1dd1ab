package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/php"
)

func init() { caddy.RegisterModule(new(PHPSessions)) }

// PHPSessions are those that PHP itself keeps ($_SESSION): what php.ini says.
// Placeholders are replaced in addresses and paths.
type PHPSessions struct {
	// Store is session.save_handler: files or redis. Required.
	Store string `json:"store,omitempty"`
	// SavePath is session.save_path of files: [depth;[mode;]]folder.
	SavePath string `json:"save_path,omitempty"`
	// Owner is the user that PHP runs as, by name or number: only that one's files
	// count. Required where everybody can write to the folder. Default: all count.
	Owner string `json:"owner,omitempty"`
	// MaxLifetime is session.gc_maxlifetime, for files. Default: 24 minutes.
	MaxLifetime caddy.Duration `json:"gc_maxlifetime,omitempty"`
	// Redis is the URL of phpredis' server, Prefix what it puts before IDs.
	// Default: PHPREDIS_SESSION:.
	Redis  string `json:"redis,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Handler is session.serialize_handler: php (default), php_serialize or php_binary.
	Handler string `json:"serialize_handler,omitempty"`
	// Cookie is session.name. Default: PHPSESSID.
	Cookie string `json:"cookie,omitempty"`
	// User is where $_SESSION has the user's ID: keys joined by dots. Default: user_id.
	User string `json:"user,omitempty"`
	// Claims are paths in $_SESSION that claims of tokens may be made of, as
	// session.PATH. Default: none.
	Claims []string `json:"claims,omitempty"`
}

// CaddyModule returns the module's ID.
func (*PHPSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".php", New: func() caddy.Module { return new(PHPSessions) }}
}

// Provision replaces placeholders and checks the settings.
func (s *PHPSessions) Provision(caddy.Context) error {
	err := errors.Join(replacePlaceholders("store files", &s.SavePath), replacePlaceholders("store redis", &s.Redis, &s.Prefix))
	if err != nil {
		return err
	}
	return tryOpen(s)
}

// Open implements SessionFormat.
func (s *PHPSessions) Open(now func() time.Time) (*Sessions, error) {
	config := php.Config{CookieName: s.Cookie}
	var err error
	if s.Handler != "" {
		if config.Handler, err = php.HandlerOf(s.Handler); err != nil {
			return nil, err
		}
	}
	if s.User != "" {
		if config.User, err = session.ParsePath(s.User); err != nil {
			return nil, fmt.Errorf("user: %w", err)
		}
	}
	out := &Sessions{}
	if config.Claims, out.Attributes, err = sessionClaims(s.Claims); err != nil {
		return nil, err
	}
	store, err := s.store(out)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	reader, err := php.New(config, store, now)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	out.Reader, out.Watch = reader, reader.Watch()
	return out, nil
}

// sessionClaims reads paths in a session's data, and names them as attributes.
func sessionClaims(texts []string) (paths []session.Path, attributes []string, err error) {
	attributes = make([]string, 0, len(texts)) // not nil: no other may be named
	for _, text := range texts {
		path, err := session.ParsePath(text)
		if err != nil {
			return nil, nil, fmt.Errorf("claims: %w", err)
		}
		paths, attributes = append(paths, path), append(attributes, "session."+text)
	}
	return paths, attributes, nil
}

func (s *PHPSessions) store(out *Sessions) (php.Store, error) {
	switch s.Store {
	case "files":
		return php.NewFiles(php.FilesConfig{SavePath: s.SavePath, MaxLifetime: time.Duration(s.MaxLifetime), Owner: s.Owner})
	case "redis":
		client, err := out.redis(s.Redis)
		if err != nil {
			return nil, fmt.Errorf("store redis: %w", err)
		}
		return php.NewRedis(client, s.Prefix), nil
	}
	return nil, errors.New("the store is missing; write: store files <save_path>, or store redis <url> [<prefix>]")
}

// UnmarshalCaddyfile reads:
//
//	sessions php {
//		store             files <save_path> | redis <url> [<prefix>]
//		owner             <user>
//		gc_maxlifetime    <duration>
//		serialize_handler php|php_serialize|php_binary
//		cookie            <name>
//		user              <path>
//		claims            <paths...>
//	}
func (s *PHPSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions php"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	stores := map[string]storeArgs{"files": {[]*string{&s.SavePath}, 0, "<save_path>"}, "redis": {[]*string{&s.Redis, &s.Prefix}, 1, "<url> [<prefix>]"}}
	err := parseBlock(d, name, map[string]option{
		"store":             func() error { return parseSessionStore(d, name+": store", stores, &s.Store) },
		"owner":             func() error { return oneArg(d, name+": owner", "user", &s.Owner) },
		"gc_maxlifetime":    func() error { return parseFlagDuration(d, name+": gc_maxlifetime", &s.MaxLifetime) },
		"serialize_handler": func() error { return oneArg(d, name+": serialize_handler", "name", &s.Handler) },
		"cookie":            func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"user":              func() error { return oneArg(d, name+": user", "path", &s.User) },
		"claims":            someArgs(d, name+": claims", "path", &s.Claims),
	})
	switch {
	case err != nil:
		return err
	case s.Store == "":
		return d.Errf("%s: the store is missing; write: store files <save_path>, or store redis <url> [<prefix>]", name)
	case s.Store == "redis" && (s.Owner != "" || s.MaxLifetime != 0):
		return d.Errf("%s: owner and gc_maxlifetime are for the store files; Redis itself forgets sessions", name)
	}
	if s.Handler != "" {
		if _, err := php.HandlerOf(s.Handler); err != nil {
			return d.Errf("%s: %v", name, err)
		}
	}
	return nil
}

// storeArgs are what stands behind the name of a store.
type storeArgs struct {
	into     []*string
	optional int // how many of them may be left out, from the end
	usage    string
}

// parseSessionStore reads where the sessions are.
func parseSessionStore(d *caddyfile.Dispenser, name string, stores map[string]storeArgs, into *string) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.Errf("%s: there is no <name> behind it; it knows: %s", name, strings.Join(slices.Sorted(maps.Keys(stores)), ", "))
	}
	*into, args = args[0], args[1:]
	store, ok := stores[*into]
	switch {
	case !ok:
		return unknownWord(d, name, *into, slices.Sorted(maps.Keys(stores)))
	case len(args) > len(store.into) || len(args) < len(store.into)-store.optional:
		return d.Errf("%s %s: %d words are behind it; write: store %s %s", name, *into, len(args), *into, store.usage)
	}
	for i, arg := range args {
		*store.into[i] = arg
	}
	return nil
}

var (
	_ caddy.Provisioner = (*PHPSessions)(nil)
	_ SessionFormat     = (*PHPSessions)(nil)
)
