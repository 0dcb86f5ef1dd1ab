package admin

import (
	"context"
	"net/http"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

func explain(e *engine.Engine, r *http.Request) (any, error) {
	var body ExplainRequest
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	asked, client, err := body.Request()
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	return e.Explain(asked, client)
}

// acting is the body of a verb.
type acting interface{ act() (rollout.Act, error) }

// verb makes an endpoint of what a verb does with its body.
func verb[Body acting](do func(context.Context, *engine.Engine, Body, rollout.Act) (rollout.Change, error)) func(*engine.Engine, *http.Request) (any, error) {
	return func(e *engine.Engine, r *http.Request) (any, error) {
		var body Body
		if err := decode(r, &body); err != nil {
			return nil, err
		}
		act, err := body.act()
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "%w", err)
		}
		change, err := do(r.Context(), e, body, act)
		if err != nil {
			return nil, err
		}
		return e.Made(change), nil
	}
}

func set(ctx context.Context, e *engine.Engine, body SetRequest, a rollout.Act) (rollout.Change, error) {
	share, err := body.share()
	if err != nil {
		return rollout.Change{}, refuse(http.StatusBadRequest, "%w", err)
	}
	return e.Set(ctx, body.Route, share, a)
}

func hold(ctx context.Context, e *engine.Engine, body HoldRequest, a rollout.Act) (rollout.Change, error) {
	return e.Hold(ctx, body.Route, body.Until, a)
}

// onRoute makes an endpoint of a verb that needs to know the route and no more.
func onRoute(do func(*engine.Engine, context.Context, string, rollout.Act) (rollout.Change, error)) func(*engine.Engine, *http.Request) (any, error) {
	return verb(func(ctx context.Context, e *engine.Engine, body RouteRequest, a rollout.Act) (rollout.Change, error) {
		return do(e, ctx, body.Route, a)
	})
}

func undo(ctx context.Context, e *engine.Engine, body UndoRequest, a rollout.Act) (rollout.Change, error) {
	return e.Undo(ctx, body.Route, body.To, a)
}

func brake(ctx context.Context, e *engine.Engine, _ BrakeRequest, a rollout.Act) (rollout.Change, error) {
	return e.Brake(ctx, a)
}

func releaseBrake(ctx context.Context, e *engine.Engine, _ BrakeRequest, a rollout.Act) (rollout.Change, error) {
	return e.ReleaseBrake(ctx, a)
}
