package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Options are what a Ledger needs.
type Options struct {
	// Store outlives the process. Required. The ledger does not close it.
	Store Store
	// Now is the clock for what is recorded. Required.
	Now func() time.Time
	// Logger gets every change, and the store's failures. Default: none.
	Logger *slog.Logger
	// Wait is how long Open, a verb and a reader of the journal wait for the store.
	// Default 2s.
	Wait time.Duration
}

// defaultWait is Options.Wait when that is zero.
const defaultWait = 2 * time.Second

func (o *Options) validate() error {
	if o.Store == nil || o.Now == nil {
		return errors.New("a rollout ledger needs a store and a clock")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Wait <= 0 {
		o.Wait = defaultWait
	}
	return nil
}

// Ledger is the one place where rollout state changes. All methods are safe
// for concurrent use.
type Ledger struct {
	options  Options
	snapshot atomic.Pointer[Snapshot]
	salts    saltCache

	// mu guards what follows. It is never held while the store is asked, so
	// that a hold waits for nothing.
	mu          sync.Mutex
	known       bool              // the store has been read once
	outdated    bool              // the store must be read (again)
	base        map[string]Change // the newest stored change of every route
	unsaved     []*unsaved        // laid over base, in order
	storeErr    error
	storeErrAt  time.Time
	subscribers []*func(*Snapshot)
	closed      bool

	jobs    chan *job     // changes that must be stored first
	wake    chan struct{} // there is something to store
	closing chan struct{}
	done    chan struct{} // the goroutine has ended
	cancel  context.CancelFunc
}

// Open reads the store and starts the ledger's goroutine; Close ends it. A
// store that cannot be read within Options.Wait is no error: the snapshot is
// then not Known, every route is on the monolith, and the store is asked again
// until it answers. Open fails when an option is missing or ctx has ended.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := &Ledger{
		options:  o,
		outdated: true,
		jobs:     make(chan *job),
		wake:     make(chan struct{}, 1),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	l.snapshot.Store(&Snapshot{Routes: map[string]RouteState{}})
	var running context.Context
	running, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	first := make(chan struct{})
	go l.run(running, first)
	patience := time.NewTimer(o.Wait)
	defer patience.Stop()
	select {
	case <-first:
	case <-patience.C:
	case <-ctx.Done():
	}
	return l, nil
}

// Close tries once more to store what is unsaved, at most until ctx ends, and
// ends the goroutine. Every later change is refused with ErrClosed. The answer
// wraps ErrUnsaved when changes in effect were not stored: they are lost when
// the process ends.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first {
		close(l.closing)
	}
	defer l.cancel()
	select {
	case <-l.done:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsaved) > 0 {
		return fmt.Errorf("%w: %d, the store's last answer: %w", ErrUnsaved, len(l.unsaved), errors.Join(l.storeErr, ctx.Err()))
	}
	return nil
}

// Set makes share the service's part of the route. A lower share is in effect
// at once, whether the store answers or not; a higher one only when stored. A
// share the route already has is no change: the answer has no ID, and its
// After is the state as it is. A running rollout is paused, for it would go on
// from a share that was meant to be this one, and an approval of its next step
// is used up.
func (l *Ledger) Set(ctx context.Context, route string, share routes.PPM, a Act) (Change, error) {
	if share > routes.One {
		return Change{}, fmt.Errorf("%w: a share of %d ppm is above 100 %%", ErrInvalid, share)
	}
	return l.change(ctx, route, VerbSet, a, func(before RouteState) (RouteState, error) {
		if before.Share == share {
			return before, errUnchanged
		}
		before.Share = share
		return before.with(func(r *Progress) {
			r.ApprovedBy, r.Frozen = "", false
			if r.Phase == Running {
				r.Phase = Paused
			}
		}), nil
	})
}

// Hold keeps the route on the monolith until the time given or, when that is
// zero, until released; its share stays recorded. It is in effect when Hold
// returns, whether the store answers or not (see Change.Stored). Only a hold
// that ends sooner than the one it replaces must be stored first.
func (l *Ledger) Hold(ctx context.Context, route string, until time.Time, a Act) (Change, error) {
	now := l.now()
	if !until.IsZero() && !until.After(now) {
		return Change{}, fmt.Errorf("%w: the hold would end at %s, which is past", ErrInvalid, until.Format(time.RFC3339))
	}
	hold := Hold{By: a.By, Reason: a.Reason, Since: now}
	if !until.IsZero() {
		hold.Until = until.UTC().Round(0)
	}
	return l.change(ctx, route, VerbHold, a, holdWith(hold))
}

// Release ends the route's hold, once stored; its share is then what it was,
// and the step of its rollout begins anew.
func (l *Ledger) Release(ctx context.Context, route string, a Act) (Change, error) {
	now, release := l.now(), releaseOr(ErrNotHeld)
	return l.change(ctx, route, VerbRelease, a, func(before RouteState) (RouteState, error) {
		after, err := release(before)
		if err != nil {
			return before, err
		}
		return after.with(func(r *Progress) { r.Since, r.StartedBy, r.Frozen = now, a.By, false }), nil
	})
}

// Brake keeps every route on the monolith until released. It is in effect when
// Brake returns, whether the store answers or not.
func (l *Ledger) Brake(ctx context.Context, a Act) (Change, error) {
	return l.change(ctx, AllRoutes, VerbBrake, a, holdWith(Hold{By: a.By, Reason: a.Reason, Since: l.now()}))
}

// ReleaseBrake ends the brake, once stored; every route is then as it was.
func (l *Ledger) ReleaseBrake(ctx context.Context, a Act) (Change, error) {
	return l.change(ctx, AllRoutes, VerbBrakeRelease, a, releaseOr(ErrNoBrake))
}

// Keys records that the keys that sign tokens were changed: VerbKeyRotate or
// VerbKeyRevoke of the key with that ID. The change itself is the caller's, who
// has made it already, after a dry run of this.
func (l *Ledger) Keys(ctx context.Context, verb Verb, key string, a Act) (Change, error) {
	return l.change(ctx, AllKeys, verb, a, func(before RouteState) (RouteState, error) {
		before.Key = key
		return before, nil
	})
}

func holdWith(hold Hold) func(RouteState) (RouteState, error) {
	return func(before RouteState) (RouteState, error) {
		before.Hold = &hold
		return before, nil
	}
}

func releaseOr(notHeld error) func(RouteState) (RouteState, error) {
	return func(before RouteState) (RouteState, error) {
		if before.Hold == nil {
			return before, notHeld
		}
		before.Hold = nil
		return before, nil
	}
}

// Snapshot is the state now. It never blocks.
func (l *Ledger) Snapshot() *Snapshot { return l.snapshot.Load() }

// Subscribe calls fn at once with the current snapshot and then with every new
// one, in order, before the verb that made it returns. Everyone waits for fn,
// so it must be quick, and it must not call back into the ledger, Snapshot
// excepted. After cancel has returned fn is not called again.
func (l *Ledger) Subscribe(fn func(*Snapshot)) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subscriber := &fn
	l.subscribers = append(l.subscribers, subscriber)
	fn(l.Snapshot())
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.subscribers = slices.DeleteFunc(l.subscribers, func(s *func(*Snapshot)) bool { return s == subscriber })
	}
}

// change makes a change: at once when it leads toward the monolith, else by
// way of the store.
func (l *Ledger) change(ctx context.Context, route string, verb Verb, a Act, turn func(RouteState) (RouteState, error)) (Change, error) {
	if err := checkRoute(route, verb); err != nil {
		return Change{}, err
	}
	if err := a.validate(verb.needsReason()); err != nil {
		return Change{}, err
	}
	e := &edit{id: rand.Text(), route: route, verb: verb, act: a, at: l.now(), turn: turn}
	c, later, first, err := l.accept(e)
	switch {
	case later != nil:
		return l.storeLater(ctx, later, c)
	case first != nil:
		return l.storeFirst(ctx, first)
	case errors.Is(err, errUnchanged):
		return c.unchanged(), nil
	case errors.Is(err, errRehearsed):
		c.ID = ""
		return c, nil
	}
	return Change{}, err
}

// accept decides which way an edit goes, and makes it when it leads toward the
// monolith.
func (l *Ledger) accept(e *edit) (c Change, later *unsaved, first *job, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return c, nil, nil, ErrClosed
	}
	expected := e.act.IfVersion
	if expected == 0 {
		expected = anyVersion
	}
	newest := l.newest(e.route)
	if l.known {
		if err := conflictOf(e.route, expected, newest); err != nil {
			return c, nil, nil, err
		}
		expected = versionOf(newest)
	}
	c, err = e.on(newest)
	switch {
	case e.act.DryRun:
		return l.rehearse(c, err)
	case l.known && err != nil:
		return c, nil, nil, err
	case err == nil && c.towardMonolith(), errors.Is(err, errUnchanged):
		e.atOnce = true
		c, err = e.on(newest)
		later = &unsaved{edit: e, heard: make(chan struct{})}
		l.unsaved = append(l.unsaved, later)
		l.publish(e.route)
		return c, later, nil, err
	}
	return c, nil, &job{edit: e, expected: expected, answer: make(chan answer, 1)}, nil
}

// rehearse answers a dry run of what has become c. The caller holds the lock.
func (l *Ledger) rehearse(c Change, err error) (Change, *unsaved, *job, error) {
	switch {
	case !l.known:
		return Change{}, nil, nil, fmt.Errorf("%w: the state was not read yet, so nobody can say what it would do", ErrNotStored)
	case err == nil || errors.Is(err, errUnchanged):
		return c, nil, nil, errRehearsed
	}
	return Change{}, nil, nil, err
}

func checkRoute(route string, verb Verb) error {
	brake, keys := verb == VerbBrake || verb == VerbBrakeRelease, verb == VerbKeyRotate || verb == VerbKeyRevoke
	if route == "" || (route == AllRoutes) != brake || (route == AllKeys) != keys {
		return fmt.Errorf("%w: %q is no route's name", ErrInvalid, route)
	}
	return checkText("the route's name", route, maxRoute)
}

// anyVersion is a version expected by one who does not care.
const anyVersion = ^uint64(0)

// versionOf is the version a route's newest change led to.
func versionOf(newest *Change) uint64 {
	if newest == nil {
		return 0
	}
	return newest.After.Version
}

// conflictOf answers the conflict between the version expected and what is.
func conflictOf(route string, expected uint64, newest *Change) error {
	if expected == anyVersion || expected == versionOf(newest) {
		return nil
	}
	conflict := &Conflict{Route: route, Expected: expected, Current: RouteState{Route: route}, Last: newest}
	if newest != nil {
		conflict.Current = *newest.After
	}
	return conflict
}

// now is the clock as it is recorded: UTC, without the monotonic part.
func (l *Ledger) now() time.Time { return l.options.Now().UTC().Round(0) }
