package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ours finds the handler in a route that is not loaded yet.
var ours = regexp.MustCompile(`"handler"\s*:\s*"` + appName + `"`)

// noteSites finds out whether a site with the handler has the issuer's host, when
// the first handler of a configuration is provisioned: then the hosts of all sites
// are loaded, and what they do is not. It is no error that none has: another node
// may publish the keys.
func (a *App) noteSites(ctx caddy.Context) {
	if a.Identity == nil || a.sited {
		return
	}
	a.sited = true
	asked, err := http.NewRequestWithContext(context.WithValue(ctx, caddy.ReplacerCtxKey, caddy.NewReplacer()), http.MethodGet, a.Identity.Issuer, http.NoBody)
	if err != nil {
		return
	}
	var sites []string
	for _, module := range ctx.Modules() {
		server, ok := module.(*caddyhttp.App)
		if !ok {
			continue
		}
		for _, s := range server.Servers {
			for _, route := range s.Routes {
				if !slices.ContainsFunc(route.HandlersRaw, func(raw json.RawMessage) bool { return ours.Match(raw) }) {
					continue
				}
				hosts := hostsOf(route.MatcherSets)
				if match, err := hosts.MatchWithError(asked); len(hosts) == 0 || match || err != nil {
					return // any host, or the issuer's
				}
				sites = append(sites, hosts...)
			}
		}
	}
	if len(sites) == 0 {
		return
	}
	slices.Sort(sites)
	a.unserved = fmt.Sprintf("no site of this server has the issuer's host %s, so nobody gets the keys here that tokens are verified by; the sites with strangler are: %s; "+
		"fine where another node or proxy serves it", asked.URL.Hostname(), strings.Join(slices.Compact(sites), ", "))
	a.log.Warn(a.unserved)
}

// hostsOf are the hosts of a route; none: it has any.
func hostsOf(sets caddyhttp.MatcherSets) (hosts caddyhttp.MatchHost) {
	for _, set := range sets {
		before := len(hosts)
		for _, matcher := range set {
			if host, ok := matcher.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *host...)
			}
		}
		if len(hosts) == before {
			return nil
		}
	}
	return hosts
}
