package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/token"
)

// parseIdentity reads:
//
//	identity {
//		issuer          <url>
//		algorithm       ES256|EdDSA|RS256|RS512
//		rotate          <duration>
//		sessions        <format> { … }
//		bound           <duration>
//		wait            <duration>
//		cache           <sessions>
//		remove_headers  <names...>
//		login_url       <url>
//		trusted_origins <origins...>
//	}
func parseIdentity(d *caddyfile.Dispenser, app *App) error {
	const name = "strangler: identity"
	if err := noMoreArgs(d, name); err != nil {
		return err
	}
	i := new(Identity)
	app.Identity = i
	options := map[string]option{
		"issuer":          func() error { return oneArg(d, name+": issuer", "url", &i.Issuer) },
		"algorithm":       func() error { return parseWord(d, name+": algorithm", algorithms(), &i.Algorithm) },
		"rotate":          func() error { return parseFlagDuration(d, name+": rotate", &i.Rotate) },
		"sessions":        func() error { return parseSessions(d, i) },
		"bound":           func() error { return parseFlagDuration(d, name+": bound", &i.Bound) },
		"wait":            func() error { return parseFlagDuration(d, name+": wait", &i.Wait) },
		"cache":           func() error { return parseNumber(d, name+": cache", &i.Cache) },
		"remove_headers":  someArgs(d, name+": remove_headers", "name", &i.RemoveHeaders),
		"login_url":       func() error { return oneArg(d, name+": login_url", "url", &i.LoginURL) },
		"trusted_origins": someArgs(d, name+": trusted_origins", "origin", &i.TrustedOrigins),
	}
	for word, read := range options {
		options[word] = i.checked(d, name, read)
	}
	err := parseBlock(d, name, options)
	switch {
	case err != nil:
		return err
	case i.Issuer == "":
		return d.Errf("%s: the issuer is missing; write: issuer https://www.example.com", name)
	case i.SessionsRaw == nil:
		return d.Errf("%s: the sessions are missing; write: sessions <format> { … }; it knows: %v", name, sessionFormats())
	}
	return nil
}

// parseSessions reads a format with its block, which the format's module reads.
func parseSessions(d *caddyfile.Dispenser, i *Identity) error {
	const name = "strangler: identity: sessions"
	if !d.NextArg() {
		return d.Errf("%s: there is no <format> behind it; it knows: %v", name, sessionFormats())
	}
	format := d.Val()
	if known := sessionFormats(); !slices.Contains(known, format) {
		return unknownWord(d, name, format, known)
	}
	if err := addresses(*d, name+" "+format); err != nil {
		return err
	}
	module, err := caddyfile.UnmarshalModule(d, sessionsNamespace+"."+format)
	if err != nil {
		return err
	}
	i.SessionsRaw = caddyconfig.JSONModuleObject(module, "format", format, nil)
	return nil
}

// sessionFormats are the names of the registered formats.
func sessionFormats() []string {
	modules := caddy.GetModules(sessionsNamespace)
	names := make([]string, 0, len(modules))
	for _, info := range modules {
		names = append(names, info.ID.Name())
	}
	slices.Sort(names)
	return names
}

func algorithms() []string {
	names := make([]string, len(token.Algorithms))
	for i, a := range token.Algorithms {
		names[i] = string(a)
	}
	return names
}
