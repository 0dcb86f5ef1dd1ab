package caddymodule

import (
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/strangler-proxy/strangler/engine"
)

// Start takes the engine, and tells it which targets the sites serve. It
// refuses the configuration when there can be no engine, or when the route
// table needs a target that no site serves.
func (a *App) Start() error {
	run, err := a.Engine()
	if err != nil {
		return err
	}
	if a.withdraw, err = run.Offer(a.targets); err != nil {
		return err
	}
	if a.unhook, err = a.emitEvents(run); err != nil {
		return err
	}
	return a.boundDrain()
}

// defaultGrace is how long requests under way may take at the process's end
// when the configuration does not say (the global option grace_period).
const defaultGrace = 30 * time.Second

// boundDrain bounds the process's end: Caddy's own default is to wait for ever
// for requests under way, and an event stream never ends.
func (a *App) boundDrain() error {
	found, err := a.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil
	}
	if err != nil {
		return err
	}
	if server, ok := found.(*caddyhttp.App); ok && server.GracePeriod == 0 {
		server.GracePeriod = caddy.Duration(defaultGrace)
	}
	return nil
}

// begin tells the engine that all of this configuration has started, which
// becomes the one it follows.
func (a *App) begin() {
	if run := a.running.Load(); run != nil {
		run.Remember(a.recentSize())
		run.NoteIssuer(a.unserved)
		run.begin()
	}
}

// Engine is the engine of this configuration. Whoever comes first takes it from
// the pool: Start, or a request, as Caddy may start its servers before us.
func (a *App) Engine() (*engine.Engine, error) {
	if run := a.running.Load(); run != nil {
		return run.Engine, nil
	}
	a.taking.Lock()
	defer a.taking.Unlock()
	if run := a.running.Load(); run != nil {
		return run.Engine, nil
	}
	if a.ended {
		return nil, errors.New("this configuration has ended")
	}
	running, release, err := acquire(a.id, a.Identity, a.parsed, a.webhooks, a.log)
	a.parsed = nil
	if err != nil {
		return nil, err
	}
	a.release = release
	a.running.Store(running)
	return running.Engine, nil
}

// Stop takes back what Start told. The engine itself goes on: requests may be
// under way, and another generation may use it. Cleanup lets go of it.
func (a *App) Stop() error {
	if a.withdraw != nil {
		a.withdraw()
	}
	if a.unhook != nil {
		a.unhook()
	}
	return nil
}

// Cleanup gives the engine back, if this generation took it. Requests that are
// still under way keep it and end by themselves.
func (a *App) Cleanup() error {
	a.taking.Lock()
	defer a.taking.Unlock()
	_ = a.Stop() // there is no Stop after a Start that failed
	a.ended = true
	if a.release == nil {
		return nil
	}
	release := a.release
	a.release = nil
	return release()
}
