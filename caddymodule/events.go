package caddymodule

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

// EventRollout is the name of the Caddy event for what the rollout controller
// has done. Its data: event (an ID, the same for everybody who is told), route,
// kind (advanced, completed, rolled_back, frozen), share_ppm, held, by and
// reason.
const EventRollout = "strangler.rollout"

// emitEvents hands the engine's events to the events app of this configuration,
// when it has one.
func (a *App) emitEvents(run *engine.Engine) (stop func(), err error) {
	found, err := a.ctx.AppIfConfigured("events")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	events, ok := found.(*caddyevents.App)
	if !ok {
		return nil, fmt.Errorf("events: the app is a %T", found)
	}
	return run.OnEvent(func(_ context.Context, e rollout.Event) {
		after := e.Change.After
		events.Emit(a.ctx, EventRollout, map[string]any{
			"event": e.ID, "route": e.Change.Route, "kind": string(e.Kind),
			"share_ppm": uint32(after.Share), "held": after.Hold != nil,
			"by": e.Change.Act.By, "reason": e.Change.Act.Reason,
		})
	}), nil
}
