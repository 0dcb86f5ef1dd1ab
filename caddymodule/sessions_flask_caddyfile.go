package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads:
//
//	sessions flask {
//		secret_key           <key>
//		secret_key_fallbacks <keys...>
//		cookie          <name>
//		lifetime        <duration>
//		salt            <text>
//		digest          sha1|sha256|sha512
//		remember_cookie <name>
//		user            <path>
//		claims          <paths...>
//		database        <url>
//		users { table <name> | key <column> [integer|text|uuid] | active <column> | columns <names...> }
//	}
func (s *FlaskSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions flask"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	var key string
	var fallbacks []string
	err := parseBlock(d, name, map[string]option{
		"secret_key":           func() error { return oneArg(d, name+": secret_key", "key", &key) },
		"secret_key_fallbacks": someArgs(d, name+": secret_key_fallbacks", "key", &fallbacks),
		"cookie":               func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"lifetime":             func() error { return parseFlagDuration(d, name+": lifetime", &s.Lifetime) },
		"salt":                 func() error { return oneArg(d, name+": salt", "text", &s.Salt) },
		"digest":               func() error { return parseWord(d, name+": digest", flaskDigests, &s.Digest) },
		"remember_cookie":      func() error { return oneArg(d, name+": remember_cookie", "name", &s.RememberCookie) },
		"user":                 func() error { return oneArg(d, name+": user", "path", &s.User) },
		"claims":               someArgs(d, name+": claims", "path", &s.Claims),
		"database":             func() error { return oneArg(d, name+": database", "url", &s.Database) },
		"users":                func() error { return s.Users.parse(d, name+": users") },
	})
	switch {
	case err != nil:
		return err
	case key == "":
		return d.Errf("%s: the monolith's SECRET_KEY is missing; write: secret_key {env.FLASK_SECRET_KEY}", name)
	}
	s.SecretKeys = append([]string{key}, fallbacks...)
	return nil
}

func (u *FlaskUsers) parse(d *caddyfile.Dispenser, name string) error {
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	return parseBlock(d, name, map[string]option{
		"table":   func() error { return oneArg(d, name+": table", "name", &u.Table) },
		"active":  func() error { return oneArg(d, name+": active", "column", &u.Active) },
		"columns": someArgs(d, name+": columns", "name", &u.Columns),
		"key": func() error {
			args := d.RemainingArgs()
			const most = 2
			if len(args) == 0 || len(args) > most {
				return d.Errf("%s: key: write key <column> [integer|text|uuid]", name)
			}
			if u.Key = args[0]; len(args) == 1 {
				return nil
			}
			if u.KeyType = args[1]; !slices.Contains(flaskKeyTypes, u.KeyType) {
				return unknownWord(d, name+": key "+u.Key, u.KeyType, flaskKeyTypes)
			}
			return nil
		},
	})
}
