package rollout

import (
	"context"
	"fmt"
	"slices"
)

// notes are the verbs of Ledger.Note.
var notes = []Verb{VerbShadowReset}

// Note says whether the verb writes down what was done elsewhere and changes
// nothing of the route's state but its version.
func (v Verb) Note() bool { return slices.Contains(notes, v) }

// Note writes down what an operator did to a route elsewhere, for what is not
// recorded was not done: who, when and why. The verb is one of those of which
// Verb.Note is true. The route's version rises, and nothing else of its state
// changes. It waits for the store like a change that is in effect already.
func (l *Ledger) Note(ctx context.Context, route string, verb Verb, a Act) (Change, error) {
	if !verb.Note() {
		return Change{}, fmt.Errorf("%w: %q is no note", ErrInvalid, verb)
	}
	return l.change(ctx, route, verb, a, func(before RouteState) (RouteState, error) { return before, nil })
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
