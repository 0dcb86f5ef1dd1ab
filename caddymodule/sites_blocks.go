package caddymodule

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// checkBlocks finds the targets that the table needs from a site and that no site has
// a block for, when the first handler of a configuration is provisioned: so what only
// validates finds it too. No site's handlers are loaded then, so they are looked up in
// what they are loaded from. Start asks the engine again, which knows what is loaded.
func (a *App) checkBlocks(ctx caddy.Context) error {
	if a.blocked || !a.checked || a.parsed == nil {
		return nil
	}
	a.blocked = true
	names, sites := slices.Clone(a.targets), false
	for _, module := range ctx.Modules() {
		server, ok := module.(*caddyhttp.App)
		if !ok {
			continue
		}
		sites = true
		for _, s := range server.Servers {
			all := slices.Clone(s.Routes)
			if s.Errors != nil {
				all = append(all, s.Errors.Routes...)
			}
			for _, named := range s.NamedRoutes {
				all = append(all, *named)
			}
			for _, route := range all {
				for _, raw := range route.HandlersRaw {
					names = append(names, blockNames(raw)...)
				}
			}
		}
	}
	if !sites {
		return nil
	}
	return a.parsed.Offered(names)
}

// blockNames are the targets that handlers of ours serve by blocks, in the JSON of a
// handler, however deep they stand in others. What is no JSON has none: it is refused
// where it is loaded.
func blockNames(raw json.RawMessage) (names []string) {
	var inner []json.RawMessage
	switch raw = bytes.TrimSpace(raw); {
	case bytes.HasPrefix(raw, []byte("{")):
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil
		}
		var kind string
		if json.Unmarshal(members["handler"], &kind) == nil && kind == appName {
			var ours struct{ Targets map[string]json.RawMessage }
			if json.Unmarshal(raw, &ours) == nil {
				for name := range ours.Targets {
					names = append(names, name)
				}
			}
		}
		for _, member := range members {
			inner = append(inner, member)
		}
	case bytes.HasPrefix(raw, []byte("[")):
		if json.Unmarshal(raw, &inner) != nil {
			return nil
		}
	}
	for _, one := range inner {
		names = append(names, blockNames(one)...)
	}
	return names
}
