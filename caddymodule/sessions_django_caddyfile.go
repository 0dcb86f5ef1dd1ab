package caddymodule

import (
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads:
//
//	sessions django {
//		secret_key           <key>
//		secret_key_fallbacks <keys...>
//		engine      db <database url> [<table>] | cached_db <database url> <redis url> [<table>] | cache <redis url> | signed_cookies | file <dir>
//		database    <url>           # of the users, where the engine does not name it
//		listen      [<channel> [<database url>]]
//		cookie      <name>
//		cookie_age  <duration>
//		csrf_cookie <name>
//		serializer  json|pickle
//		store_class <name>
//		sha1
//		backends    <paths...>
//		zone        <name>
//		claims      <keys...>
//		cache { key_prefix <text> | version <number> | json | compressor zlib|gzip|lzma|lz4|zstd }
//		users { table <name> | key <column> [integer|text|uuid] | password <column>|none | active <column>|none | columns <names...> }
//	}
func (s *DjangoSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions django"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	var key, database string
	var fallbacks []string
	err := parseBlock(d, name, map[string]option{
		"secret_key":           func() error { return oneArg(d, name+": secret_key", "key", &key) },
		"secret_key_fallbacks": someArgs(d, name+": secret_key_fallbacks", "key", &fallbacks),
		"engine":               func() error { return s.parseEngine(d, name+": engine") },
		"database":             func() error { return oneArg(d, name+": database", "url", &database) },
		"listen":               func() error { s.Listen = new(Listen); return s.Listen.parse(d, name+": listen") },
		"cookie":               func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"cookie_age":           func() error { return parseFlagDuration(d, name+": cookie_age", &s.CookieAge) },
		"csrf_cookie":          func() error { return oneArg(d, name+": csrf_cookie", "name", &s.CSRFCookie) },
		"serializer":           func() error { return parseWord(d, name+": serializer", djangoSerializers, &s.Serializer) },
		"store_class":          func() error { return oneArg(d, name+": store_class", "name", &s.StoreClass) },
		"sha1":                 func() error { s.SHA1 = true; return nil },
		"backends":             someArgs(d, name+": backends", "path", &s.Backends),
		"zone":                 func() error { return oneArg(d, name+": zone", "name", &s.Zone) },
		"claims":               someArgs(d, name+": claims", "key", &s.Claims),
		"cache":                func() error { return s.Cache.parse(d, name+": cache") },
		"users":                func() error { return s.Users.parse(d, name+": users") },
	})
	switch {
	case err != nil:
		return err
	case key == "":
		return d.Errf("%s: the monolith's SECRET_KEY is missing; write: secret_key {env.DJANGO_SECRET_KEY}", name)
	case s.Engine == "":
		return d.Errf("%s: the engine is missing; write: engine db <url>", name)
	case database != "" && s.Database != "":
		return d.Errf("%s: engine %s names the database already", name, s.Engine)
	case database == "" && s.Database == "":
		return d.Errf("%s: the database is missing: it has the users; write: database <url>", name)
	case database != "":
		s.Database = database
	}
	if err := s.Listen.of(s.Engine == "db"); err != nil {
		return d.Errf("%s: %v", name, err)
	}
	s.SecretKeys = append([]string{key}, fallbacks...)
	return nil
}

// parseEngine reads the engine with where its sessions are.
func (s *DjangoSessions) parseEngine(d *caddyfile.Dispenser, name string) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.Errf("%s: there is no <name> behind it; it knows: db, cached_db, cache, signed_cookies, file", name)
	}
	s.Engine, args = args[0], args[1:]
	var into []*string
	optional := 0
	switch s.Engine {
	case "db":
		into, optional = []*string{&s.Database, &s.Table}, 1
	case "cached_db":
		into, optional = []*string{&s.Database, &s.Redis, &s.Table}, 1
	case "cache":
		into = []*string{&s.Redis}
	case "file":
		into = []*string{&s.Dir}
	case "signed_cookies":
	default:
		return unknownWord(d, name, s.Engine, djangoEngines)
	}
	if len(args) > len(into) || len(args) < len(into)-optional {
		return d.Errf("%s %s: %d words are behind it; write one of: db <database url> [<table>], cached_db <database url> <redis url> [<table>], cache <redis url>, signed_cookies, file <dir>", name, s.Engine, len(args))
	}
	for i, arg := range args {
		*into[i] = arg
	}
	return nil
}

func (c *DjangoCache) parse(d *caddyfile.Dispenser, name string) error {
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	return parseBlock(d, name, map[string]option{
		"key_prefix": func() error { return oneArg(d, name+": key_prefix", "text", &c.KeyPrefix) },
		"version":    func() error { return parseNumber(d, name+": version", &c.Version) },
		"json":       func() error { c.JSON = true; return nil },
		"compressor": func() error { return parseWord(d, name+": compressor", djangoCompressors[1:], &c.Compressor) },
	})
}

func (u *DjangoUsers) parse(d *caddyfile.Dispenser, name string) error {
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	return parseBlock(d, name, map[string]option{
		"table":    func() error { return oneArg(d, name+": table", "name", &u.Table) },
		"password": func() error { return oneArg(d, name+": password", "column", &u.Password) },
		"active":   func() error { return oneArg(d, name+": active", "column", &u.Active) },
		"columns":  someArgs(d, name+": columns", "name", &u.Columns),
		"key": func() error {
			if !d.NextArg() {
				return d.Errf("%s: key: there is no <column> behind it", name)
			}
			if u.Key = d.Val(); !d.NextArg() {
				return nil
			}
			if u.KeyType = d.Val(); !slices.Contains(djangoKeyTypes, u.KeyType) {
				return unknownWord(d, name+": key "+u.Key, u.KeyType, djangoKeyTypes)
			}
			return nil
		},
	})
}

// parseWord reads one of the known words.
func parseWord(d *caddyfile.Dispenser, name string, known []string, into *string) error {
	if err := oneArg(d, name, known[0]+"|…", into); err != nil {
		return err
	}
	if !slices.Contains(known, *into) {
		return unknownWord(d, name, *into, known)
	}
	return nil
}

// parseNumber reads a number above 0.
func parseNumber(d *caddyfile.Dispenser, name string, into *int) error {
	var text string
	if err := oneArg(d, name, "number", &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return d.Errf("%s: %q is no number above 0", name, text)
	}
	*into = n
	return nil
}
