package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// offered is what route tables may ask of the identity, nil without one: no store
// is opened, and nothing in it resolves a session.
func (i *Identity) offered() (*engine.Identity, error) {
	if i == nil {
		return nil, nil //nolint:nilnil // a configuration need not have one
	}
	ring, err := token.NewRing(token.Options{Issuer: i.Issuer, Policy: i.policy()})
	if err != nil {
		return nil, err
	}
	opened, err := i.format.Open(time.Now)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	known := &engine.Identity{Ring: ring, LoginURL: i.LoginURL, TrustedOrigins: i.TrustedOrigins, Attributes: opened.Attributes, CSRFCookie: opened.CSRFCookie}
	return known, opened.Close()
}

// OpenSessions makes a reader of the sessions that the configuration names, by
// that clock, without a server: nothing listens, and no store is opened. The
// caller calls end.
func (a *App) OpenSessions(now func() time.Time) (reader session.Reader, end func() error, err error) {
	opened, err := a.openSessions(now)
	if err != nil {
		return nil, nil, err
	}
	return opened.Reader, opened.Close, nil
}

func (a *App) openSessions(now func() time.Time) (*Sessions, error) {
	if a.Identity == nil {
		return nil, errors.New("the configuration has no identity block in its strangler app")
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if err := a.Identity.provision(ctx); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	opened, err := a.Identity.format.Open(now)
	if err != nil {
		return nil, fmt.Errorf("identity: sessions: %w", err)
	}
	return opened, nil
}
