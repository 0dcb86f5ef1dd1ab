package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Source reads what is counted of a route. The controller asks it from one
// goroutine, at every look; it must not wait for anything.
type Source interface {
	// Read takes over the counts until now. An error says why there are none:
	// the route then neither advances nor is rolled back.
	Read(route string, into *Reading) error
}

// Events are told what a controller has done. Emit is called from several
// goroutines at once, after the change is in effect, and must not wait.
type Events interface {
	Emit(ctx context.Context, e Event)
}

// Event is something a controller has done.
type Event struct {
	// ID names the event, the same for everyone who is told of it: the change's.
	ID   string    `json:"id"`
	Kind EventKind `json:"kind"`
	// Change is what was done, and Evidence why.
	Change   Change   `json:"change"`
	Evidence Evidence `json:"evidence"`
}

// EventKind says what a controller has done.
type EventKind string

// The kinds of events.
const (
	EventAdvanced   EventKind = "advanced"    // the next step
	EventCompleted  EventKind = "completed"   // the last step
	EventRolledBack EventKind = "rolled_back" // fewer requests to the service, or none
	EventFrozen     EventKind = "frozen"      // a breach, and no request goes elsewhere
)

// ControllerOptions are what a Controller needs.
type ControllerOptions struct {
	// Ledger is where the state is changed. Required.
	Ledger *Ledger
	// Plans answers the plan of every route that has one, as the route table
	// says now; the controller leaves all other routes alone. A plan that is
	// not valid is left alone too, and shown. Required.
	Plans func() map[string]Plan
	// Source reads the counts. Required.
	Source Source
	// Now is the clock. Required.
	Now func() time.Time
	// Events, when not nil, is told what was done.
	Events Events
	// Every is the time between looks. Default 2s: a dead service is noticed in
	// the look after its fifth to sixteenth request.
	Every time.Duration
	// Logger gets what could not be done. Default: none.
	Logger *slog.Logger
}

// defaultEvery is ControllerOptions.Every when that is zero.
const defaultEvery = 2 * time.Second

// Controller moves rollouts as their plans say, all routes in one goroutine.
// What it must not forget is in the ledger, so a restart goes on in the same
// step; evidence is counted anew then, for the step's gates too.
//
// It acts only on the version of a state that it has looked at. Should two
// controllers run for a while, as while two generations of the program overlap,
// the second one's change is a Conflict, and it looks again.
type Controller struct {
	options ControllerOptions
	watches map[string]*watch // only Look touches it
	looking sync.Mutex        // one Look at a time
	status  atomic.Pointer[map[string]Status]
}

// Status is what a controller last knew of a route and did with it.
type Status struct {
	Action   Action    `json:"action"`
	Evidence Evidence  `json:"evidence"`
	At       time.Time `json:"at"`
	// Version is the route's that was looked at.
	Version uint64 `json:"version"`
}

// NewController makes a controller; Run starts it.
func NewController(o ControllerOptions) (*Controller, error) {
	if o.Ledger == nil || o.Plans == nil || o.Source == nil || o.Now == nil {
		return nil, errors.New("a rollout controller needs a ledger, plans, a source of counts and a clock")
	}
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Controller{options: o, watches: map[string]*watch{}}
	c.status.Store(&map[string]Status{})
	return c, nil
}

// Run looks at every route until ctx ends. What it is doing then it ends first.
func (c *Controller) Run(ctx context.Context) {
	ticker := time.NewTicker(c.options.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.Look(ctx)
		}
	}
}

// Status is what the last look found, by route. The map is not changed any more
// and must not be.
func (c *Controller) Status() map[string]Status { return *c.status.Load() }

// task is what a look found to be done with a route.
type task struct {
	route  string
	state  RouteState
	plan   Plan
	status Status
}

// Look looks at every route that has a plan and does what is to be done: first
// every roll back, at once, then the advances, one after the other, unless the
// store is known not to answer. While the ledger's state is not known it does
// nothing.
func (c *Controller) Look(ctx context.Context) {
	c.looking.Lock()
	defer c.looking.Unlock()
	snapshot := c.options.Ledger.Snapshot()
	if !snapshot.Known {
		return
	}
	now, plans := c.options.Now(), c.options.Plans()
	status := make(map[string]Status, len(plans))
	var back, ahead []task
	for _, route := range slices.Sorted(maps.Keys(plans)) {
		t := task{route: route, state: snapshot.Route(route), plan: plans[route]}
		t.status = c.assess(t, snapshot, now)
		t.status.Version = t.state.Version
		status[route] = t.status
		switch t.status.Action.Do {
		case RollBack:
			back = append(back, t)
		case Advance:
			ahead = append(ahead, t)
		default: // nothing to be done
		}
	}
	maps.DeleteFunc(c.watches, func(route string, _ *watch) bool { _, planned := plans[route]; return !planned })
	c.status.Store(&status)
	c.rollBack(ctx, back)
	if snapshot.StoreError == "" { // else each look would try in vain, and say so
		c.advance(ctx, ahead)
	}
}

// assess looks at one route.
func (c *Controller) assess(t task, snapshot *Snapshot, now time.Time) Status {
	nothing := Action{Do: Nothing, Share: t.state.Share}
	if !t.state.started() {
		delete(c.watches, t.route)
		return Status{Action: Next(t.state, t.plan, Evidence{}, now), At: now}
	}
	if err := t.plan.Validate(); err != nil {
		nothing.Why = err.Error()
		return Status{Action: nothing, At: now}
	}
	w := c.watches[t.route]
	if w == nil {
		w = new(watch)
		c.watches[t.route] = w
	}
	if snapshot.Brake != nil {
		w.interrupt()
		nothing.Why = "braked by " + snapshot.Brake.By + ": " + snapshot.Brake.Reason
		return Status{Action: nothing, At: now}
	}
	if t.state.Hold.Active(now) {
		w.interrupt()
		return Status{Action: Next(t.state, t.plan, Evidence{}, now), At: now}
	}
	e := c.read(w, t, now)
	return Status{Action: Next(t.state, t.plan, e, now), Evidence: e, At: now}
}

func (c *Controller) read(w *watch, t task, now time.Time) Evidence {
	reading := new(Reading)
	if err := c.options.Source.Read(t.route, reading); err != nil {
		return w.miss(err)
	}
	return w.look(t.state, t.plan, reading, now)
}

// rollBack rolls routes back side by side: each is in effect at once, and none
// waits until the store has taken another.
func (c *Controller) rollBack(ctx context.Context, tasks []task) {
	var all sync.WaitGroup
	for _, t := range tasks {
		all.Go(func() {
			act := Act{By: "guard", Reason: reason(t), Source: SourceGuard, IfVersion: t.state.Version}
			made, err := c.options.Ledger.RollBack(ctx, t.route, t.plan, act)
			kind := EventRolledBack
			if err == nil && made.After.Share == t.state.Share && made.After.Hold == nil {
				kind = EventFrozen
			}
			c.tell(ctx, t, kind, made, err)
		})
	}
	all.Wait()
}

// advance takes routes to their next steps, until the store does not take one:
// then all others wait for the next look, and so do not keep a guard waiting.
func (c *Controller) advance(ctx context.Context, tasks []task) {
	for _, t := range tasks {
		act := Act{By: "controller", Reason: reason(t), Source: SourceController, IfVersion: t.state.Version}
		made, err := c.options.Ledger.Advance(ctx, t.route, t.plan, act)
		kind := EventAdvanced
		if err == nil && t.plan.position(made.After.Share) == len(t.plan.Steps)-1 {
			kind = EventCompleted
		}
		c.tell(ctx, t, kind, made, err)
		if errors.Is(err, ErrNotStored) || errors.Is(err, ErrClosed) {
			return
		}
	}
}

// reason bounds why something is done to what an act takes.
func reason(t task) string {
	text := []rune(t.status.Action.Why)
	return string(text[:min(len(text), MaxReason)])
}

// tell reports what was done, or why it was not.
func (c *Controller) tell(ctx context.Context, t task, kind EventKind, made Change, err error) {
	var conflict *Conflict
	switch {
	case errors.As(err, &conflict):
		c.options.Logger.DebugContext(ctx, "somebody else changed the route first", "route", t.route, "error", err)
	case err != nil:
		c.options.Logger.WarnContext(ctx, "rollout could not go on", "route", t.route, "do", t.status.Action.Do, "error", fmt.Errorf("%s: %w", kind, err))
	case made.ID != "" && c.options.Events != nil:
		c.options.Events.Emit(ctx, Event{ID: made.ID, Kind: kind, Change: made, Evidence: t.status.Evidence})
	}
}
