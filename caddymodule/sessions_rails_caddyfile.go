package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads:
//
//	sessions rails {
//		secret_key_base <secret>
//		old_secrets     <secrets...>
//		cookie          <name>
//		store           cookie | redis <url> [<prefix>] | records [<table>]
//		database        <url>
//		listen          [<channel> [<database url>]]
//		user            devise [<scope>] | at <path>
//		timeout         <duration>
//		claims          <keys...>
//		users { table <name> | key <column> [integer|text|uuid] | password <column>|none | active <column> | null <columns...> | set <columns...> | columns <names...> }
//	}
func (s *RailsSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions rails"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	var key string
	var old []string
	err := parseBlock(d, name, map[string]option{
		"secret_key_base": func() error { return oneArg(d, name+": secret_key_base", "secret", &key) },
		"old_secrets":     someArgs(d, name+": old_secrets", "secret", &old),
		"cookie":          func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"store":           func() error { return s.parseStore(d, name+": store") },
		"database":        func() error { return oneArg(d, name+": database", "url", &s.Database) },
		"listen":          func() error { s.Listen = new(Listen); return s.Listen.parse(d, name+": listen") },
		"user":            func() error { return s.parseUser(d, name+": user") },
		"timeout":         func() error { return parseFlagDuration(d, name+": timeout", &s.Timeout) },
		"claims":          someArgs(d, name+": claims", "key", &s.Claims),
		"users":           func() error { return s.Users.parse(d, name+": users") },
	})
	switch {
	case err != nil:
		return err
	case key == "" && s.Store != "redis":
		return d.Errf("%s: the monolith's secret_key_base is missing; write: secret_key_base {env.SECRET_KEY_BASE}", name)
	case s.Cookie == "" && s.Store != "records":
		return d.Errf("%s: the session's cookie is missing; write: cookie _<app>_session", name)
	case s.Database == "" && (s.At == "" || s.Store == "records"):
		return d.Errf("%s: the database is missing: it has the users; write: database <url>", name)
	}
	if err := s.Listen.of(s.Store == "records"); err != nil {
		return d.Errf("%s: %v", name, err)
	}
	if key != "" {
		s.Secrets = append([]string{key}, old...)
	}
	return nil
}

// parseStore reads the store with where it is.
func (s *RailsSessions) parseStore(d *caddyfile.Dispenser, name string) error {
	args := append(d.RemainingArgs(), "", "", "")
	if s.Store = args[0]; !slices.Contains(railsStores, s.Store) {
		return unknownWord(d, name, s.Store, railsStores)
	}
	words := len(args) - 3
	switch {
	case s.Store == "redis" && (words == 2 || words == 3):
		s.Redis, s.Prefix = args[1], args[2]
	case s.Store == "records" && words <= 2:
		s.Table = args[1]
	case s.Store == "cookie" && words == 1:
	default:
		return d.Errf("%s %s: %d words are behind it; write one of: cookie, redis <url> [<prefix>], records [<table>]", name, s.Store, words-1)
	}
	return nil
}

// parseUser reads where the session says who it is.
func (s *RailsSessions) parseUser(d *caddyfile.Dispenser, name string) error {
	args := append(d.RemainingArgs(), "", "")
	switch words := len(args) - 2; {
	case args[0] == "devise" && words <= 2:
		s.Scope = args[1]
	case args[0] == "at" && words == 2:
		s.At = args[1]
	default:
		return d.Errf("%s: write devise, devise <scope> or at <path>, as in: at user_id", name)
	}
	return nil
}

func (u *RailsUsers) parse(d *caddyfile.Dispenser, name string) error {
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	return parseBlock(d, name, map[string]option{
		"table":    func() error { return oneArg(d, name+": table", "name", &u.Table) },
		"password": func() error { return oneArg(d, name+": password", "column", &u.Password) },
		"active":   func() error { return oneArg(d, name+": active", "column", &u.Active) },
		"null":     someArgs(d, name+": null", "column", &u.Null),
		"set":      someArgs(d, name+": set", "column", &u.Set),
		"columns":  someArgs(d, name+": columns", "name", &u.Columns),
		"key": func() error {
			args := append(d.RemainingArgs(), "", "")
			if words := len(args) - 2; words < 1 || words > 2 {
				return d.Errf("%s: key: write key <column> [integer|text|uuid]", name)
			}
			if u.Key, u.KeyType = args[0], args[1]; u.KeyType != "" && !slices.Contains(djangoKeyTypes, u.KeyType) {
				return unknownWord(d, name+": key "+u.Key, u.KeyType, djangoKeyTypes)
			}
			return nil
		},
	})
}
