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
// caller calls close.
func (a *App) OpenSessions(now func() time.Time) (reader session.Reader, close func() error, err error) { //nolint:predeclared,gocritic,revive // it says what it does
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
