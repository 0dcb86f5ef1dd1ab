package rollout

import (
	"context"
	"fmt"
	"slices"
)

// notes are the verbs that change nothing of how a route is served.
var notes = []Verb{VerbShadowReset, VerbShadowStop, VerbShadowResume}

// Note says whether the verb changes nothing of how the route is served: an undo
// looks past it, and the state's By, Reason, Source and Since are of others.
func (v Verb) Note() bool { return slices.Contains(notes, v) }

// Note writes down what an operator did to a route elsewhere, for what is not
// recorded was not done: who, when and why. The verb is VerbShadowReset. The
// route's version rises, and nothing else of its state changes. It waits for the store like a change that is in effect already.
func (l *Ledger) Note(ctx context.Context, route string, verb Verb, a Act) (Change, error) {
	if verb != VerbShadowReset {
		return Change{}, fmt.Errorf("%w: %q is no note", ErrInvalid, verb)
	}
	return l.change(ctx, route, verb, a, func(before RouteState) (RouteState, error) { return before, nil })
}

// StopShadow stops the mirroring of the route's requests that may change something,
// for the act's reason. It is in effect when StopShadow returns, whether the store
// answers or not. One that is stopped already is no change.
func (l *Ledger) StopShadow(ctx context.Context, route string, a Act) (Change, error) {
	stop := ShadowStop{Reason: a.Reason, Since: l.now()}
	return l.change(ctx, route, VerbShadowStop, a, func(before RouteState) (RouteState, error) {
		if before.ShadowStop != nil {
			return before, errUnchanged
		}
		before.ShadowStop = &stop
		return before, nil
	})
}

// ResumeShadow ends what StopShadow began. It is in effect at once; a store that does
// not take it keeps the route stopped after a restart. ErrNotStopped refuses it for a
// route that is not stopped.
func (l *Ledger) ResumeShadow(ctx context.Context, route string, a Act) (Change, error) {
	return l.change(ctx, route, VerbShadowResume, a, func(before RouteState) (RouteState, error) {
		if before.ShadowStop == nil {
			return before, ErrNotStopped
		}
		before.ShadowStop = nil
		return before, nil
	})
}

// BeforeLast is the version that a route had before its last change, notes left
// aside: what an undo without a version means. ErrNoVersion: it was never changed.
func (l *Ledger) BeforeLast(ctx context.Context, route string) (version uint64, err error) {
	for _, c := range slices.Backward(l.Snapshot().Unsaved) {
		if c.Route == route && !c.Verb.Note() {
			return c.After.Version - 1, nil
		}
	}
	q := Query{Route: route}
	for {
		found, err := l.History(ctx, q)
		if err != nil {
			return 0, fmt.Errorf("reading the journal of %s: %w", route, err)
		}
		for _, c := range found {
			if !c.Verb.Note() {
				return c.After.Version - 1, nil
			}
			q.Before = c.Seq
		}
		if len(found) < MaxHistory {
			return 0, fmt.Errorf("%w: %s was never changed", ErrNoVersion, route)
		}
	}
}
