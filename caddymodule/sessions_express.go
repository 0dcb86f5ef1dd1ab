package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session/express"
)

func init() { caddy.RegisterModule(new(ExpressSessions)) }

// ExpressSessions are those of Express with express-session and connect-redis.
// Placeholders are replaced in secrets and the address. A logout ends a session at
// once; a new password, or a user who was deleted, does not.
type ExpressSessions struct {
	// Secrets are express-session's secret, all of them. Required.
	Secrets []string `json:"secrets,omitempty"`
	// Redis is the URL of the sessions' Redis. Required.
	Redis string `json:"redis,omitempty"`
	// Prefix is connect-redis' prefix; "none" says that it is empty. Default: sess:.
	Prefix string `json:"prefix,omitempty"`
	// Cookie is express-session's name. Default: connect.sid.
	Cookie string `json:"cookie,omitempty"`
	// User is the path of the user's ID in the session, keys joined by dots.
	// Default: passport.user.
	User string `json:"user,omitempty"`
	// Claims are paths of values that claims of tokens may be made of, as
	// session.PATH. Default: none.
	Claims []string `json:"claims,omitempty"`
}

// CaddyModule returns the module's ID.
func (*ExpressSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".express", New: func() caddy.Module { return new(ExpressSessions) }}
}

// noPrefix says that keys have no prefix.
const noPrefix = "none"

// Provision replaces placeholders and checks the settings.
func (s *ExpressSessions) Provision(caddy.Context) error {
	for i := range s.Secrets {
		if err := replacePlaceholders("secret", &s.Secrets[i]); err != nil {
			return err
		}
	}
	if err := replacePlaceholders("redis", &s.Redis); err != nil {
		return err
	}
	return tryOpen(s)
}

// tryOpen says what is wrong with a format's settings.
func tryOpen(format SessionFormat) error {
	opened, err := format.Open(time.Now)
	if err != nil {
		return err
	}
	return opened.Close()
}

// Open implements SessionFormat.
func (s *ExpressSessions) Open(now func() time.Time) (*Sessions, error) {
	if s.Redis == "" {
		return nil, errors.New("the sessions' Redis is missing; write: redis redis://…")
	}
	config := express.Config{
		Secrets: s.Secrets, CookieName: s.Cookie, Prefix: s.Prefix, Identity: express.Identity{User: s.User, Claims: s.Claims},
	}
	if config.NoPrefix = s.Prefix == noPrefix; config.NoPrefix {
		config.Prefix = ""
	}
	out := &Sessions{Attributes: sessionAttributes(s.Claims)}
	redis, err := out.redis(s.Redis)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	reader, err := express.New(config, redis, now)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	out.Reader, out.Watch = reader, reader.Watch()
	return out, nil
}

// sessionAttributes are the names of what is taken of a session.
func sessionAttributes(paths []string) []string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = "session." + path
	}
	return names
}

// UnmarshalCaddyfile reads:
//
//	sessions express {
//		secret <secrets...>   # the first signs, any verifies
//		redis  <url>
//		prefix <text>|none
//		cookie <name>
//		user   <path>
//		claims <paths...>
//	}
func (s *ExpressSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions express"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	err := parseBlock(d, name, map[string]option{
		"secret": someArgs(d, name+": secret", "secret", &s.Secrets),
		"redis":  func() error { return oneArg(d, name+": redis", "url", &s.Redis) },
		"prefix": func() error { return oneArg(d, name+": prefix", "text", &s.Prefix) },
		"cookie": func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"user":   func() error { return oneArg(d, name+": user", "path", &s.User) },
		"claims": someArgs(d, name+": claims", "path", &s.Claims),
	})
	switch {
	case err != nil:
		return err
	case s.Secrets == nil:
		return d.Errf("%s: the secret of express-session is missing; write: secret {env.SESSION_SECRET}", name)
	case s.Redis == "":
		return d.Errf("%s: the sessions' Redis is missing; write: redis redis://…", name)
	}
	return nil
}

var (
	_ caddy.Provisioner = (*ExpressSessions)(nil)
	_ SessionFormat     = (*ExpressSessions)(nil)
)
