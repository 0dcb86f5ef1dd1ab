package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session"
)

// OpenSessions makes a reader of the sessions that the configuration names, by
// that clock, without a server: nothing listens, and no store is opened. The
// caller calls end.
func (a *App) OpenSessions(now func() time.Time) (reader session.Reader, end func() error, err error) {
	if a.Identity == nil {
		return nil, nil, errors.New("the configuration has no identity block in its strangler app")
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if err := a.Identity.provision(ctx); err != nil {
		return nil, nil, fmt.Errorf("identity: %w", err)
	}
	opened, err := a.Identity.format.Open(now)
	if err != nil {
		return nil, nil, fmt.Errorf("identity: sessions: %w", err)
	}
	return opened.Reader, opened.Close, nil
}
