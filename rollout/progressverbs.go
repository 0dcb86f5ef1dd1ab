package rollout

import (
	"context"
	"fmt"
	"time"
)

// Start begins a rollout: the route goes to the plan's first step, or stays
// where it is when it is further already, or when the first step wants an
// approval or comparisons, which it then waits for. In effect only when stored. ErrStarted
// refuses one that is running or paused.
func (l *Ledger) Start(ctx context.Context, route string, p Plan, a Act) (Change, error) {
	if err := p.Validate(); err != nil {
		return Change{}, err
	}
	now := l.now()
	return l.change(ctx, route, VerbStart, a, func(before RouteState) (RouteState, error) {
		if before.started() {
			return before, ErrStarted
		}
		before.Rollout = nil // an approval of an earlier rollout's step
		if p.MayRaise(before, p.Steps[0]) == nil && !p.Gates.shadowed() {
			before.Share = max(before.Share, p.Steps[0])
		}
		before.Rollout = &Progress{Phase: Running, Step: p.position(before.Share) + 1, Since: now, StartedBy: a.By}
		return before, nil
	})
}

// Advance goes to the plan's next step, once stored, whatever its gates say but
// that of approval; a paused rollout stays paused there. ErrNotStarted refuses it
// without a rollout, ErrLastStep at the last step, ErrNotApproved a step that
// nobody who may has approved.
func (l *Ledger) Advance(ctx context.Context, route string, p Plan, a Act) (Change, error) {
	if err := p.Validate(); err != nil {
		return Change{}, err
	}
	now := l.now()
	return l.change(ctx, route, VerbAdvance, a, func(before RouteState) (RouteState, error) {
		at := p.position(before.Share)
		switch {
		case !before.started():
			return before, ErrNotStarted
		case at == len(p.Steps)-1:
			return before, ErrLastStep
		}
		if err := p.MayRaise(before, p.Steps[at+1]); err != nil {
			return before, err
		}
		before.Share = p.Steps[at+1]
		return before.with(func(r *Progress) { r.Step, r.Since, r.ApprovedBy, r.Frozen = at+2, now, "", false }), nil
	})
}

// Pause keeps a running rollout where it is until resumed; its guards stay on.
// In effect at once. A reason is required. ErrNotStarted refuses it without a
// rollout; one that is paused already does not change.
func (l *Ledger) Pause(ctx context.Context, route string, a Act) (Change, error) {
	return l.change(ctx, route, VerbPause, a, func(before RouteState) (RouteState, error) {
		switch before.phase() {
		case Running:
			return before.with(func(r *Progress) { r.Phase = Paused }), nil
		case Paused:
			return before, errUnchanged
		default:
			return before, ErrNotStarted
		}
	})
}

// Resume lets a paused rollout go on, once stored; its step begins anew.
// ErrNotPaused refuses it for any other.
func (l *Ledger) Resume(ctx context.Context, route string, a Act) (Change, error) {
	now := l.now()
	return l.change(ctx, route, VerbResume, a, func(before RouteState) (RouteState, error) {
		if before.phase() != Paused {
			return before, ErrNotPaused
		}
		return before.with(func(r *Progress) { r.Phase, r.Since, r.StartedBy, r.Frozen = Running, now, a.By, false }), nil
	})
}

// Approve lets a rollout go to its next step as far as Gates.Approval is
// concerned, once stored: by the act's actor, for one step. Whether the actor is
// who they say is for the caller to know. ErrNotStarted refuses it unless the
// rollout is running or paused.
func (l *Ledger) Approve(ctx context.Context, route string, a Act) (Change, error) {
	return l.change(ctx, route, VerbApprove, a, func(before RouteState) (RouteState, error) {
		switch {
		case !before.started():
			return before, ErrNotStarted
		case before.Rollout.ApprovedBy == a.By:
			return before, errUnchanged
		}
		return before.with(func(r *Progress) { r.ApprovedBy = a.By }), nil
	})
}

// Abort ends a rollout: 0 %, in effect at once. A reason is required.
// ErrNotStarted refuses it without a rollout.
func (l *Ledger) Abort(ctx context.Context, route string, a Act) (Change, error) {
	return l.change(ctx, route, VerbAbort, a, func(before RouteState) (RouteState, error) {
		if !before.started() {
			return before, ErrNotStarted
		}
		before.Share = 0
		return before.with(func(r *Progress) { r.Phase, r.ApprovedBy = Aborted, "" }), nil
	})
}

// RollBack does what the plan says of a breach, in effect at once. A reason is
// required. ErrNotStarted refuses it without a rollout.
func (l *Ledger) RollBack(ctx context.Context, route string, p Plan, a Act) (Change, error) {
	if err := p.Validate(); err != nil {
		return Change{}, err
	}
	now := l.now()
	return l.change(ctx, route, VerbRollBack, a, rollBack(p, Hold{By: a.By, Reason: a.Reason, Since: now}, now))
}

// rollBack is what the plan says of a breach.
func rollBack(p Plan, hold Hold, now time.Time) func(RouteState) (RouteState, error) {
	return func(before RouteState) (RouteState, error) {
		if !before.started() {
			return before, ErrNotStarted
		}
		at := p.position(before.Share)
		switch {
		case p.OnBreach == BreachFreeze && before.phase() == Paused && before.Rollout.Frozen:
			return before, errUnchanged
		case p.OnBreach == BreachFreeze: // also when it is paused by hand: that a guard fired is news
			return before.with(func(r *Progress) { r.Phase, r.Frozen = Paused, true }), nil
		case p.OnBreach == BreachPreviousStep && at > 0:
			before.Share = p.Steps[at-1]
			return before.with(func(r *Progress) { r.Phase, r.Step, r.Since, r.ApprovedBy, r.Frozen = Paused, at, now, "", false }), nil
		}
		before.Share = min(before.Share, p.Steps[0])
		if before.Hold == nil || !before.Hold.outlasts(&hold) {
			before.Hold = &hold
		}
		return before.with(func(r *Progress) { r.Step, r.Since, r.ApprovedBy, r.Frozen = 1, now, "", false }), nil
	}
}

// Undo makes the route what it was at a version: its share, its hold unless
// that has ended by itself, its rollout, whose step begins anew. Version 0 is a
// route that was never touched. Its journal is read first; what then leads
// toward the monolith is in effect at once, all else once stored. A reason is
// required; ErrNoVersion refuses a version the journal does not have.
func (l *Ledger) Undo(ctx context.Context, route string, version uint64, a Act) (Change, error) {
	if err := a.validate(true); err != nil {
		return Change{}, err
	}
	then, err := l.at(ctx, route, version)
	if err != nil {
		return Change{}, err
	}
	now := l.now()
	return l.change(ctx, route, VerbUndo, a, func(before RouteState) (RouteState, error) {
		after := before
		after.Share, after.Hold, after.Rollout = then.Share, then.Hold, then.Rollout
		if !after.Hold.Active(now) {
			after.Hold = nil
		}
		return after.with(func(r *Progress) { r.Since, r.StartedBy, r.ApprovedBy, r.Frozen = now, a.By, "", false }), nil
	})
}

// at is a route's state at a version, from the journal.
func (l *Ledger) at(ctx context.Context, route string, version uint64) (RouteState, error) {
	if version == 0 {
		return RouteState{Route: route}, nil
	}
	q := Query{Route: route, Limit: MaxHistory}
	for {
		found, err := l.History(ctx, q)
		if err != nil {
			return RouteState{}, fmt.Errorf("reading the journal of %s: %w", route, err)
		}
		for _, c := range found {
			if c.After.Version == version {
				return *c.After, nil
			}
			q.Before = c.Seq
		}
		if len(found) < q.Limit {
			return RouteState{}, fmt.Errorf("%w: %d of %s", ErrNoVersion, version, route)
		}
	}
}
