package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/strangler-proxy/strangler/caddymodule/handover"
	"github.com/strangler-proxy/strangler/caddymodule/metrics"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/notify"
)

// appName is the app's key in a configuration, and the ID of its module.
const appName = handover.AppName

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
	// ~/.local/share/caddy), next to the certificates.
	Store *Store `json:"store,omitempty"`

	// Webhooks are told of every change of a rollout.
	Webhooks []Webhook `json:"webhooks,omitempty"`

	// Flags are the sources of feature flags, asked in this order: the first that
	// has a flag answers. Default: none, and routes with a flag are the monolith's.
	Flags []FlagSource `json:"flags,omitempty"`
	// FlagOptions are for all of them.
	FlagOptions FlagOptions `json:"flag_options,omitzero"`

	// Identity turns the monolith's sessions into tokens for services. Default:
	// nobody is known, and a route that asks for a token is refused.
	Identity *Identity `json:"identity,omitempty"`

	// Recent is how many requests are remembered for previews, 256 bytes each; 0
	// is none. Default: 50,000.
	Recent *int `json:"recent,omitempty"`

	// Placeholders are where the Caddyfile has the global placeholders that stand in
	// this configuration, as FILE:LINE; for errors, written by the adapter.
	Placeholders map[string]string `json:"placeholders,omitempty"`

	ctx      caddy.Context
	id       engineKey
	webhooks []notify.Webhook
	log      *slog.Logger
	targets  []string // that the handlers of this configuration serve
	sited    bool     // noteSites has looked
	unserved string   // that no site has the issuer's host; empty: one has
	withdraw func()
	unhook   func()

	parsed  *engine.Parsed // by Provision, for the engine that Start makes
	checked bool           // nothing is wrong with it
	blocked bool           // checkBlocks has looked

	generation *handover.Generation

	taking  sync.Mutex // guards release and ended
	release func() error
	ended   bool
	running atomic.Pointer[pooled] // nil until it is taken
}

// CaddyModule returns the module's ID.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appName, New: func() caddy.Module { return new(App) }}
}

// Provision says what the engine will work on. It does not take the engine yet:
// Caddy also provisions configurations that it only validates, in a process of
// its own while the server runs, and a store has one owner. A table that no
// engine has loaded so far is checked, and refuses the configuration.
func (a *App) Provision(ctx caddy.Context) error { return a.placed(a.provision(ctx)) }

func (a *App) provision(ctx caddy.Context) error {
	var err error
	if a.Identity != nil {
		if err := a.Identity.provision(ctx); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	if a.id, err = a.key(); err != nil {
		return err
	}
	if a.webhooks, err = checkWebhooks(a.Webhooks); err != nil {
		return err
	}
	if err := a.checkRecent(); err != nil {
		return err
	}
	a.log = ctx.Slogger()
	if _, loaded := engines.References(a.id); !loaded {
		if a.parsed, err = a.parse(); err != nil && !mayStartWithLast(a.id) {
			return fmt.Errorf("routes: %w", err)
		}
		a.checked = err == nil
		if err := checkFlags(a.id.flags); err != nil {
			return err
		}
	}
	a.ctx = ctx
	if err := a.followEvents(ctx); err != nil {
		return err
	}
	return metrics.Register(ctx.GetMetricsRegistry())
}

// parse reads the table and holds it against the identity, as the engine will.
func (a *App) parse() (*engine.Parsed, error) {
	parsed, err := engine.Parse(a.id.routes, time.Now())
	if err != nil {
		return nil, err
	}
	known, err := a.Identity.offered()
	if err != nil {
		return nil, err
	}
	return parsed, parsed.Check(known)
}

// followEvents hands connections over when all of this configuration has
// started, and when Caddy is about to stop it. Start and Stop would not do:
// Caddy calls those of its apps in any order, also for a configuration that is
// refused in the end.
func (a *App) followEvents(ctx caddy.Context) error {
	found, err := ctx.App("events")
	if err != nil {
		return err
	}
	events := found.(*caddyevents.App)
	a.generation = handover.NewGeneration()
	return errors.Join(events.On("started", onEvent(a.generation.Begin)), events.On("started", onEvent(a.begin)), events.On("stopping", onEvent(a.generation.End)))
}

// onEvent is called when an event comes.
type onEvent func()

// Handle calls the function.
func (f onEvent) Handle(context.Context, caddy.Event) error {
	f()
	return nil
}

// Generation is this configuration's part in the listening sockets.
func (a *App) Generation() *handover.Generation { return a.generation }

// offer notes that a site has a block for a target. Handlers call it when they
// are provisioned, which is before Start.
func (a *App) offer(target string) { a.targets = append(a.targets, target) }

// key says what the engine is to work on.
func (a *App) key() (engineKey, error) {
	if a.Routes == "" {
		return engineKey{}, errors.New("routes: the file of the route table is missing")
	}
	table, err := absolute(a.Routes)
	if err != nil {
		return engineKey{}, fmt.Errorf("routes: %w", err)
	}
	store, err := a.Store.path()
	if err != nil {
		return engineKey{}, fmt.Errorf("store: %w", err)
	}
	sources, err := flagIdentity(a.Flags, a.FlagOptions)
	if err != nil {
		return engineKey{}, fmt.Errorf("flags: %w", err)
	}
	who, err := a.Identity.key()
	if err != nil {
		return engineKey{}, fmt.Errorf("identity: %w", err)
	}
	return engineKey{store: store, routes: table, flags: sources, identity: who}, nil
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
