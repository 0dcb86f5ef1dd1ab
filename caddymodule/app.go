package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
)

// appName is the app's key in a configuration, and the ID of its module.
const appName = "strangler"

func init() {
	caddy.RegisterModule(new(App))
}

// App is the strangler app: one route table and one store, for all sites.
type App struct {
	// Routes is the file that holds the route table. It is watched: an edit is
	// live without a reload, a bad edit is refused and shown. A relative path
	// is looked up in the server's working directory, as everywhere in Caddy.
	// Global placeholders such as {env.NAME} are replaced. Required.
	Routes string `json:"routes,omitempty"`

	// Store is where the state of the rollouts is kept. Default: SQLite in
	// strangler.db in Caddy's data directory ($XDG_DATA_HOME/caddy, else
	// ~/.local/share/caddy).
	Store *Store `json:"store,omitempty"`
}

// Store says where the state of the rollouts is kept; exactly one kind is set.
type Store struct {
	// SQLite is the file of an SQLite database; it is made when it is not
	// there. One running server per file. A relative path is looked up in the
	// server's working directory.
	SQLite string `json:"sqlite,omitempty"`
}

// CaddyModule returns the module's ID.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appName, New: func() caddy.Module { return new(App) }}
}

// Start applies the settings.
func (*App) Start() error { return nil }

// Stop ends the generation.
func (*App) Stop() error { return nil }
