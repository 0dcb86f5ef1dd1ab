package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session/introspect"
)

func init() { caddy.RegisterModule(new(IntrospectedSessions)) }

// IntrospectedSessions are sessions of which the monolith itself says whose they
// are; see docs/introspection.md. Placeholders are replaced in the URL and the
// secret.
type IntrospectedSessions struct {
	// URL is the absolute URL of the monolith's answer. Required.
	URL string `json:"url,omitempty"`
	// Cookies are the names of the monolith's session cookies; no other is sent.
	// Required.
	Cookies []string `json:"cookies,omitempty"`
	// Headers are further headers of the request that are sent. Default: none.
	Headers []string `json:"headers,omitempty"`
	// Bearer is the proxy's own credential. Default: none.
	Bearer string `json:"bearer,omitempty"`
	// Certificate and Key are files with the proxy's own certificate in PEM; CA is
	// one with who signs the monolith's. Defaults: none, the system's.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
	CA          string `json:"ca,omitempty"`
	// Timeout is how long an answer may take. Default: 250ms.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// CSRFCookie is the monolith's cookie against cross-site requests. Default: it
	// has none.
	CSRFCookie string `json:"csrf_cookie,omitempty"`
}

// CaddyModule returns the module's ID.
func (*IntrospectedSessions) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: sessionsNamespace + ".introspect", New: func() caddy.Module { return new(IntrospectedSessions) }}
}

// UnmarshalCaddyfile reads:
//
//	sessions introspect {
//		url         <url>
//		cookies     <names...>
//		headers     <names...>
//		bearer      <secret>
//		certificate <certificate file> <key file>
//		ca          <file>
//		timeout     <duration>
//		csrf_cookie <name>
//	}
func (s *IntrospectedSessions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	const name = "strangler: sessions introspect"
	d.Next() // the format's name
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	err := parseBlock(d, name, map[string]option{
		"url":     func() error { return oneArg(d, name+": url", "url", &s.URL) },
		"cookies": someArgs(d, name+": cookies", "name", &s.Cookies),
		"headers": someArgs(d, name+": headers", "name", &s.Headers),
		"bearer":  func() error { return oneArg(d, name+": bearer", "secret", &s.Bearer) },
		"certificate": func() error {
			if !d.Args(&s.Certificate, &s.Key) {
				return d.Errf("%s: certificate: write certificate <certificate file> <key file>", name)
			}
			return nil
		},
		"ca":          func() error { return oneArg(d, name+": ca", "file", &s.CA) },
		"timeout":     func() error { return parseFlagDuration(d, name+": timeout", &s.Timeout) },
		"csrf_cookie": func() error { return oneArg(d, name+": csrf_cookie", "name", &s.CSRFCookie) },
	})
	switch {
	case err != nil:
		return err
	case s.URL == "":
		return d.Errf("%s: the URL is missing; write: url https://monolith.internal/_introspect", name)
	case len(s.Cookies) == 0:
		return d.Errf("%s: the cookies are missing; write: cookies <names of the monolith's session cookies>", name)
	}
	return nil
}

// Provision replaces placeholders and checks the settings.
func (s *IntrospectedSessions) Provision(caddy.Context) error {
	if s.Bearer != "" {
		if err := replacePlaceholders("bearer", &s.Bearer); err != nil {
			return err
		}
	}
	if err := replacePlaceholders("url", &s.URL); err != nil {
		return err
	}
	opened, err := s.Open(time.Now)
	if err != nil {
		return err
	}
	return opened.Close()
}

// Open implements SessionFormat.
func (s *IntrospectedSessions) Open(now func() time.Time) (*Sessions, error) {
	trust, err := newTrust(s.Certificate, s.Key, s.CA)
	if err != nil {
		return nil, err
	}
	config := introspect.Config{URL: s.URL, Cookies: s.Cookies, Headers: s.Headers, Bearer: s.Bearer, Timeout: time.Duration(s.Timeout)}
	if trust != nil {
		config.TLS = trust.now
	}
	reader, err := introspect.New(config, now)
	if err != nil {
		return nil, err
	}
	out := &Sessions{Reader: reader, CSRFCookie: s.CSRFCookie}
	out.onClose(reader.Close)
	return out, nil
}

var (
	_ caddy.Provisioner = (*IntrospectedSessions)(nil)
	_ SessionFormat     = (*IntrospectedSessions)(nil)
)
