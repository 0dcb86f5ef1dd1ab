package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads:
//
//	sessions laravel {
//		app_key              <key>
//		previous_keys        <keys...>
//		cipher               <name>
//		store                file <dir> | database <url> [<table>] | redis <url> <prefix>
//		database             <url>           # of the users, where the store does not name it
//		listen               [<channel> [<database url>]]
//		cookie               <name>
//		lifetime             <duration>
//		encrypted
//		json
//		guard                <name> [<class>]
//		authenticate_session
//		users { table <name> | key <column> [integer|text] | password <column> | deleted <column> | columns <names...> }
//		claims               <paths...>
//	}
func (s *LaravelSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions laravel"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	var key, database string
	var previous []string
	stores := map[string]storeArgs{
		"file":     {[]*string{&s.Dir}, 0, "<dir>"},
		"database": {[]*string{&s.Database, &s.Table}, 1, "<url> [<table>]"},
		"redis":    {[]*string{&s.Redis, &s.Prefix}, 0, "<url> <prefix>"},
	}
	err := parseBlock(d, name, map[string]option{
		"app_key":              func() error { return oneArg(d, name+": app_key", "key", &key) },
		"previous_keys":        someArgs(d, name+": previous_keys", "key", &previous),
		"cipher":               func() error { return oneArg(d, name+": cipher", "name", &s.Cipher) },
		"store":                func() error { return parseSessionStore(d, name+": store", stores, &s.Store) },
		"database":             func() error { return oneArg(d, name+": database", "url", &database) },
		"listen":               func() error { s.Listen = new(Listen); return s.Listen.parse(d, name+": listen") },
		"cookie":               func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"lifetime":             func() error { return parseFlagDuration(d, name+": lifetime", &s.Lifetime) },
		"encrypted":            func() error { s.Encrypted = true; return noMoreArgs(d, name+": encrypted") },
		"json":                 func() error { s.JSON = true; return noMoreArgs(d, name+": json") },
		"guard":                func() error { return s.parseGuard(d, name+": guard") },
		"authenticate_session": func() error { s.AuthenticateSession = true; return noMoreArgs(d, name+": authenticate_session") },
		"users":                func() error { s.Users = &LaravelUsers{}; return s.Users.parse(d, name+": users") },
		"claims":               someArgs(d, name+": claims", "path", &s.Claims),
	})
	switch {
	case err != nil:
		return err
	case key == "":
		return d.Errf("%s: the monolith's APP_KEY is missing; write: app_key {env.APP_KEY}", name)
	case s.Store == "":
		return d.Errf("%s: the store is missing; write: store file <dir>, store database <url> or store redis <url> <prefix>", name)
	case database != "" && s.Database != "":
		return d.Errf("%s: store %s names the database already", name, s.Store)
	case database != "":
		s.Database = database
	}
	if s.Users != nil && s.Database == "" {
		return d.Errf("%s: users: the database is missing; write: database <url>", name)
	}
	if err := s.Listen.of(s.Store == "database"); err != nil {
		return d.Errf("%s: %v", name, err)
	}
	if s.AuthenticateSession && s.Users == nil {
		return d.Errf("%s: authenticate_session compares with the user's row; write: users { … }, empty for Laravel's own", name)
	}
	s.Keys = append([]string{key}, previous...)
	return nil
}

func (s *LaravelSessions) parseGuard(d *caddyfile.Dispenser, name string) error {
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return d.Errf("%s: %d words are behind it; write: guard <name> [<class>]", name, len(args))
	}
	s.Guard = args[0]
	if len(args) > 1 {
		s.GuardClass = args[1]
	}
	return nil
}

func (u *LaravelUsers) parse(d *caddyfile.Dispenser, name string) error {
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	return parseBlock(d, name, map[string]option{
		"table":    func() error { return oneArg(d, name+": table", "name", &u.Table) },
		"password": func() error { return oneArg(d, name+": password", "column", &u.Password) },
		"deleted":  func() error { return oneArg(d, name+": deleted", "column", &u.Deleted) },
		"columns":  someArgs(d, name+": columns", "name", &u.Columns),
		"key": func() error {
			if !d.NextArg() {
				return d.Errf("%s: key: there is no <column> behind it", name)
			}
			if u.Key = d.Val(); !d.NextArg() {
				return nil
			}
			if u.KeyType = d.Val(); !slices.Contains(laravelKeyTypes, u.KeyType) {
				return unknownWord(d, name+": key "+u.Key, u.KeyType, laravelKeyTypes)
			}
			return nil
		},
	})
}
