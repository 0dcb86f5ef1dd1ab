package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// The verbs of a rollout. Each is refused with ErrUnknownRoute, ErrNoService or
// ErrDeclared, those that need the table's plan also with ErrNoPlan, and by the
// ledger, whose verbs of the same names say what they do.

// Start begins the rollout that the table gives the route.
func (e *Engine) Start(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	plan, err := e.planOf(route)
	if err != nil {
		return rollout.Change{}, err
	}
	return e.ledger.Start(ctx, route, plan, a)
}

// unseen is for how long whoever advances a route, and does not say which version
// they have seen, is taken not to know of another advance.
const unseen = 10 * time.Second

// Advance goes to the next step now. Two operators who advance the same route
// mean the same step: without Act.IfVersion it is refused with a
// *rollout.Conflict within 10s of another advance, whoever made it.
func (e *Engine) Advance(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	plan, err := e.planOf(route)
	if err != nil {
		return rollout.Change{}, err
	}
	if a.IfVersion == 0 {
		a.IfVersion = e.ledger.Snapshot().Route(route).Version
		if err := e.unseenAdvance(ctx, route, a.IfVersion); err != nil {
			return rollout.Change{}, err
		}
	}
	return e.ledger.Advance(ctx, route, plan, a)
}

// unseenAdvance answers a conflict when an advance that was just made led to the
// route's version.
func (e *Engine) unseenAdvance(ctx context.Context, route string, version uint64) error {
	newest, err := e.ledger.History(ctx, rollout.Query{Route: route, Limit: 1})
	if err != nil {
		return fmt.Errorf("%w: reading the last change of %s: %w", rollout.ErrNotStored, route, err)
	}
	if len(newest) == 0 || newest[0].After.Version != version {
		return nil
	}
	last := newest[0]
	if last.Verb != rollout.VerbAdvance || e.now().Sub(last.At) >= unseen {
		return nil
	}
	return &rollout.Conflict{Route: route, Expected: version - 1, Current: *last.After, Last: &last}
}

// Pause keeps the rollout where it is.
func (e *Engine) Pause(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	if _, err := e.undeclared(route); err != nil {
		return rollout.Change{}, err
	}
	return e.ledger.Pause(ctx, route, a)
}

// Resume lets a paused rollout go on.
func (e *Engine) Resume(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	if _, err := e.planOf(route); err != nil {
		return rollout.Change{}, err
	}
	return e.ledger.Resume(ctx, route, a)
}

// Approve lets the rollout go to its next step as far as the plan's approval is
// concerned. It is refused with rollout.ErrNotApproved when the plan does not
// let the actor approve.
func (e *Engine) Approve(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	plan, err := e.planOf(route)
	if err != nil {
		return rollout.Change{}, err
	}
	state := e.ledger.Snapshot().Route(route)
	if err := plan.MayApprove(state, a.By); err != nil {
		return rollout.Change{}, err
	}
	if a.IfVersion == 0 {
		a.IfVersion = state.Version // who started it is part of whether this one may approve
	}
	return e.ledger.Approve(ctx, route, a)
}

// Abort ends the rollout: 0 %.
func (e *Engine) Abort(ctx context.Context, route string, a rollout.Act) (rollout.Change, error) {
	if _, err := e.undeclared(route); err != nil {
		return rollout.Change{}, err
	}
	return e.ledger.Abort(ctx, route, a)
}

// Undo makes the route what it was at a version; nil is the one before the last
// change that was no note. Where the plan wants a larger share approved, so it must be here.
func (e *Engine) Undo(ctx context.Context, route string, to *uint64, a rollout.Act) (rollout.Change, error) {
	entry, err := e.undeclared(route)
	if err != nil {
		return rollout.Change{}, err
	}
	state := e.ledger.Snapshot().Route(route)
	if a.IfVersion == 0 {
		a.IfVersion = state.Version
	}
	if to == nil {
		last, err := e.ledger.BeforeLast(ctx, route)
		if err != nil {
			return rollout.Change{}, err
		}
		to = &last
	}
	if plan := entry.Route.Rollout; plan != nil {
		try := a
		try.DryRun = true
		told, err := e.ledger.Undo(ctx, route, *to, try)
		if err != nil {
			return rollout.Change{}, err
		}
		if err := rollout.PlanOf(plan).MayRaise(state, told.After.Share); err != nil {
			return rollout.Change{}, err
		}
	}
	return e.ledger.Undo(ctx, route, *to, a)
}

// History reads a page of the stored journal. It is refused with ErrUnknownRoute
// for a route that the table does not have and that was never changed.
func (e *Engine) History(ctx context.Context, q rollout.Query) ([]rollout.Change, error) {
	if table, state := e.Table(), e.ledger.Snapshot(); table != nil && state.Known && q.Route != "" && q.Route != rollout.AllRoutes {
		if _, changed := state.Routes[q.Route]; !changed && table.Entry(q.Route) == nil {
			return nil, unknownRoute(q.Route, table)
		}
	}
	return e.ledger.History(ctx, q)
}

// planOf is the plan of a route whose share the table does not declare.
func (e *Engine) planOf(route string) (rollout.Plan, error) {
	if _, err := e.undeclared(route); err != nil {
		return rollout.Plan{}, err
	}
	return e.PlanOf(route)
}

// undeclared is the entry of a route with a service, of which the table's file
// does not say what decides.
func (e *Engine) undeclared(route string) (*routes.Entry, error) {
	entry, err := e.moving(route)
	if err != nil {
		return nil, err
	}
	file := e.view.Load().path
	switch r := entry.Route; {
	case r.Percent != nil:
		return nil, &DeclaredError{Route: route, File: file, Line: r.PercentLine, Percent: *r.Percent}
	case r.Flag != "":
		return nil, &DeclaredError{Route: route, File: file, Line: r.FlagLine, Flag: r.Flag}
	}
	return entry, nil
}
