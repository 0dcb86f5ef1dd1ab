package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session/express"
)

func init() { caddy.RegisterModule(new(CookieSessions)) }

// CookieSessions are those of Express or Connect with cookie-session: the cookie is
// the session. Placeholders are replaced in keys. Nothing ends such a session, no
// logout and no time, but a change of the keys.
type CookieSessions struct {
	// Keys are cookie-session's keys, all of them, or its secret. Required.
	Keys []string `json:"keys,omitempty"`
	// Cookie is its name. Default: session.
	Cookie string `json:"cookie,omitempty"`
	// User is the path of the user's ID in the session, keys joined by dots.
	// Default: passport.user.
	User string `json:"user,omitempty"`
	// Claims are paths of values that claims of tokens may be made of, as
	// session.PATH. Default: none.
	Claims []string `json:"claims,omitempty"`
}

// CaddyModule returns the module's ID.
func (*CookieSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".cookie_session", New: func() caddy.Module { return new(CookieSessions) }}
}

// Provision replaces placeholders and checks the settings.
func (s *CookieSessions) Provision(caddy.Context) error {
	for i := range s.Keys {
		if err := replacePlaceholders("keys", &s.Keys[i]); err != nil {
			return err
		}
	}
	return tryOpen(s)
}

// Open implements SessionFormat.
func (s *CookieSessions) Open(func() time.Time) (*Sessions, error) {
	reader, err := express.NewCookie(express.CookieConfig{
		Keys: s.Keys, CookieName: s.Cookie, Identity: express.Identity{User: s.User, Claims: s.Claims},
	})
	if err != nil {
		return nil, err
	}
	return &Sessions{Reader: reader, Attributes: sessionAttributes(s.Claims)}, nil
}

// UnmarshalCaddyfile reads:
//
//	sessions cookie_session {
//		keys   <keys...>   # the first signs, any verifies
//		cookie <name>
//		user   <path>
//		claims <paths...>
//	}
func (s *CookieSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions cookie_session"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	err := parseBlock(d, name, map[string]option{
		"keys":   someArgs(d, name+": keys", "key", &s.Keys),
		"cookie": func() error { return oneArg(d, name+": cookie", "name", &s.Cookie) },
		"user":   func() error { return oneArg(d, name+": user", "path", &s.User) },
		"claims": someArgs(d, name+": claims", "path", &s.Claims),
	})
	if err == nil && s.Keys == nil {
		return d.Errf("%s: the keys of cookie-session are missing; write: keys {env.SESSION_KEY}", name)
	}
	return err
}

var (
	_ caddy.Provisioner = (*CookieSessions)(nil)
	_ SessionFormat     = (*CookieSessions)(nil)
)
