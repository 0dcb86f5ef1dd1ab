package rollout

import (
	"errors"
	"fmt"
	"time"
)

// The ways a change is refused; test with errors.Is.
var (
	// ErrReasonRequired refuses a hold or a brake without a reason: at three
	// in the morning the next person has nothing else to go by.
	ErrReasonRequired = errors.New("a reason is required")
	// ErrActorRequired refuses a change that nobody did.
	ErrActorRequired = errors.New("who makes the change is required")
	// ErrInvalid refuses text that is too long or holds control characters, an
	// unknown source, a share above 100 % or a hold that ends in the past.
	ErrInvalid = errors.New("invalid change")
	// ErrNotHeld refuses to release a route that is not held.
	ErrNotHeld = errors.New("the route is not held")
	// ErrNoBrake refuses to release a brake that is not on.
	ErrNoBrake = errors.New("the brake is not on")
	// ErrStarted refuses to start a rollout that is running or paused.
	ErrStarted = errors.New("the rollout is started already")
	// ErrNotStarted refuses what only a rollout that is running or paused can do.
	ErrNotStarted = errors.New("no rollout of the route is started")
	// ErrNotPaused refuses to resume a rollout that is not paused.
	ErrNotPaused = errors.New("the rollout is not paused")
	// ErrLastStep refuses to advance beyond the last step.
	ErrLastStep = errors.New("the rollout is at its last step")
	// ErrNotStopped refuses to resume a shadow that is not stopped.
	ErrNotStopped = errors.New("the shadow is not stopped: nothing is to be resumed")
	// ErrNoVersion refuses to go back to a version that is not in the journal.
	ErrNoVersion = errors.New("the journal has no such version")
	// ErrPlan is wrapped by what Plan.Validate finds.
	ErrPlan = errors.New("the plan is not valid")
	// ErrNotStored refuses a change away from the monolith that the store did
	// not take, or did not take in time.
	ErrNotStored = errors.New("the store did not take the change, so it is not made")
	// ErrStale is what a Store answers to a change made on another version
	// than the one it holds.
	ErrStale = errors.New("the stored state has another version")
	// ErrClosed refuses every change after Close.
	ErrClosed = errors.New("the rollout ledger is closed")
	// errUnchanged stops an edit that would change nothing.
	errUnchanged = errors.New("nothing to change")
	// errRehearsed stops an edit that was only to be tried.
	errRehearsed = errors.New("a dry run")
	// ErrUnsaved is what Close reports when changes in effect were never stored.
	ErrUnsaved = errors.New("changes were not stored")
)

// Conflict refuses a change made on an outdated view of a route.
type Conflict struct { //nolint:errname // an operator meets a conflict, and "ConflictError" says no more
	// Route is the route, or AllRoutes for the brake.
	Route string `json:"route"`
	// Expected is the version the caller knew.
	Expected uint64 `json:"expected"`
	// Current is the state now.
	Current RouteState `json:"current"`
	// Last is the change that led to it: what the other person did. Nil when
	// the route was never touched.
	Last *Change `json:"last,omitempty"`
}

// Error says what the other person did.
func (c *Conflict) Error() string {
	what := "route " + c.Route
	switch c.Route {
	case AllRoutes:
		what = "the brake"
	case AllKeys:
		what = "the record of keys"
	}
	if c.Last == nil {
		return fmt.Sprintf("%s was never changed, but version %d was expected", what, c.Expected)
	}
	return fmt.Sprintf("%s is at version %d, not %d: %s, %s from %s", what,
		c.Current.Version, c.Expected, c.Last.Summary(), c.Last.At.Format(time.RFC3339), c.Last.Act.Source)
}
