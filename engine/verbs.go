package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// Set gives a share of the route to its service. It is refused with
// ErrUnknownRoute, ErrNoService or ErrDeclared, or by the ledger.
func (e *Engine) Set(ctx context.Context, route string, share routes.PPM, a rollout.Act) (rollout.Change, error) {
	entry, err := e.undeclared(route)
	if err != nil {
		return rollout.Change{}, err
	}
	state := e.ledger.Snapshot().Route(route)
	if plan := entry.Route.Rollout; plan != nil && share > state.Share {
		if err := rollout.PlanOf(plan).MayRaise(state, share); err != nil {
			return rollout.Change{}, err
		}
		if a.IfVersion == 0 {
			a.IfVersion = state.Version // who approved is part of whether it may be raised
		}
	}
	return e.ledger.Set(ctx, route, share, a)
}

// Hold keeps the route on the monolith until it is released or until comes;
// the zero time means until released. A declared percentage gives way to it.
// When it returns without an error, it is in force for every request that
// arrives. It is refused with ErrUnknownRoute or ErrNoService, or by the ledger.
func (e *Engine) Hold(ctx context.Context, route string, until time.Time, a rollout.Act) (rollout.Change, error) {
	if _, err := e.moving(route); err != nil {
		return rollout.Change{}, err
	}
	return e.ledger.Hold(ctx, route, until, a)
}

// Release ends a hold; the route then has the share it had. A route that has
// left the table can be released as well.
func (e *Engine) Release(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	if _, held := e.ledger.Snapshot().Routes[route]; !held {
		if _, err := e.moving(route); err != nil {
			return rollout.Change{}, err
		}
	}
	return e.ledger.Release(ctx, route, a)
}

// Brake sends every route to the monolith at once. It needs no table.
func (e *Engine) Brake(ctx context.Context, a rollout.Act) (rollout.Change, error) {
	return e.ledger.Brake(ctx, a)
}

// ReleaseBrake restores exactly what was before Brake.
func (e *Engine) ReleaseBrake(ctx context.Context, a rollout.Act) (rollout.Change, error) {
	return e.ledger.ReleaseBrake(ctx, a)
}

// moving is the running table's route of that name, which has a service.
func (e *Engine) moving(route string) (*routes.Entry, error) {
	table := e.Table()
	if table == nil {
		return nil, ErrNoTable
	}
	entry := table.Entry(route)
	if entry == nil {
		return nil, unknownRoute(route, table)
	}
	if entry.Route.Service == "" {
		return nil, fmt.Errorf("%w: %s is the monolith's until the table names one", ErrNoService, route)
	}
	return entry, nil
}
