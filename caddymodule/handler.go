package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler serves a site's requests by the route table.
type Handler struct {
	// Targets are served by Caddy's handlers instead of a url, by the name
	// that the route table has for them.
	Targets map[string]*Target `json:"targets,omitempty"`
}

// Target is a target of the route table that Caddy's handlers serve.
type Target struct {
	// Routes are the handlers, as in a subroute.
	Routes caddyhttp.RouteList `json:"routes"`
}

// CaddyModule returns the module's ID.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers." + appName, New: func() caddy.Module { return new(Handler) }}
}

// ServeHTTP serves one request.
func (*Handler) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return nil }
