package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
)

// offlineWait is how long one session may take.
const offlineWait = 5 * time.Second

// sessionsApp is the strangler app, as far as it reads sessions.
type sessionsApp interface {
	OpenSessions(now func() time.Time) (session.Reader, func() error, error)
	SessionTrigger() (sql string, err error)
}

// inspectOffline judges by a configuration's file. The zero time is now.
func inspectOffline(_ context.Context, file, adapter string, at time.Time, show bool) (inspector, func() error, error) {
	app, err := loadApp(file, adapter)
	if err != nil {
		return nil, nil, err
	}
	clock := time.Now
	if !at.IsZero() {
		clock = func() time.Time { return at }
	}
	reader, end, err := app.OpenSessions(clock)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return func(ctx context.Context, cookie string) (identity.Inspection, error) {
		ctx, cancel := context.WithTimeout(ctx, offlineWait)
		defer cancel()
		return identity.Inspect(ctx, reader, cookie, clock(), show), nil
	}, end, nil
}

// loadApp reads the strangler app out of a configuration's file, and starts nothing.
func loadApp(file, adapter string) (sessionsApp, error) {
	text, err := readConfig(file, adapter)
	if err != nil {
		return nil, err
	}
	var config struct {
		Apps map[string]json.RawMessage `json:"apps"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	raw, there := config.Apps["strangler"]
	module, err := caddy.GetModule("strangler")
	if err != nil {
		return nil, err
	}
	app, ok := module.New().(sessionsApp)
	if !there || !ok {
		return nil, fmt.Errorf("%s: %w", file, errors.New("it has no strangler app; a Caddyfile needs the global option: strangler { … }"))
	}
	return app, caddy.StrictUnmarshalJSON(raw, app)
}
