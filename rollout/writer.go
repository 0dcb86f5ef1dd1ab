package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// firstPause and maxPause bound how long the store is left alone after a
	// failure; each pause is twice the one before.
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
	// storeTimeout bounds one call of the store.
	storeTimeout = 10 * time.Second
	// maxStale bounds how often in a row the store may say that it holds
	// another version, before that counts as a failure.
	maxStale = 10
)

// nudge wakes the goroutine.
func (l *Ledger) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine that talks to the store. first is closed after the
// first attempt to read it.
func (l *Ledger) run(ctx context.Context, first chan<- struct{}) {
	defer close(l.done)
	pause := time.Duration(0)
	for {
		var retry <-chan time.Time
		if err := l.catchUp(ctx); err == nil {
			pause = 0
		} else {
			pause = min(max(2*pause, firstPause), maxPause)
			retry = time.After(pause)
		}
		if first != nil {
			close(first)
			first = nil
		}
		select {
		case <-l.wake:
		case <-retry:
		case j := <-l.jobs:
			l.carryOut(ctx, j)
		case <-l.closing:
			_ = l.catchUp(ctx) // Close tells what stays unsaved
			return
		}
	}
}

// catchUp reads the store when that is due and writes what is unsaved, in
// order.
func (l *Ledger) catchUp(ctx context.Context) error {
	stale := 0
	for {
		var err error
		switch u, c, outdated := l.next(); {
		case outdated:
			err = l.read(ctx)
		case u == nil:
			return nil
		default:
			err = l.save(ctx, u, c)
		}
		if errors.Is(err, ErrStale) && stale < maxStale {
			stale++
			l.outdate()
			continue
		}
		l.report(ctx, err)
		if err != nil {
			return err
		}
	}
}

// next answers the oldest unsaved edit, as a change of what the store holds,
// or that the store must be read first.
func (l *Ledger) next() (u *unsaved, c Change, outdated bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.outdated || len(l.unsaved) == 0 {
		return nil, Change{}, l.outdated
	}
	u = l.unsaved[0]
	c, _ = u.on(l.stored(u.route))
	return u, c, false
}

// read takes over what the store holds.
func (l *Ledger) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	saved, err := l.options.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("reading the rollout state: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base, l.known, l.outdated = saved.Newest, true, false
	if l.base == nil {
		l.base = map[string]Change{}
	}
	l.publishAll()
	return nil
}

// save writes an edit that is in effect already.
func (l *Ledger) save(ctx context.Context, u *unsaved, c Change) error {
	stored, err := l.apply(ctx, c)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.install(stored)
	l.unsaved = slices.DeleteFunc(l.unsaved, func(other *unsaved) bool { return other == u })
	u.stored = &stored
	u.tell()
	l.publish(u.route)
	return nil
}

// apply asks the store to take a change.
func (l *Ledger) apply(ctx context.Context, c Change) (Change, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	stored, err := l.options.Store.Apply(ctx, c)
	if err != nil {
		if c.Verb == VerbWithdraw {
			return Change{}, fmt.Errorf("taking back a change of %s that was not acknowledged: %w", c.Route, err)
		}
		return Change{}, fmt.Errorf("storing %s of %s: %w", c.Verb, c.Route, err)
	}
	return stored, nil
}

// outdate has the store read again before anything else is done with it.
func (l *Ledger) outdate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outdated = true
}

// report notes how the store answered.
func (l *Ledger) report(ctx context.Context, err error) {
	l.mu.Lock()
	before := l.storeErr
	l.storeErr = err
	if (err == nil) != (before == nil) {
		l.storeErrAt = l.now()
	}
	if err != nil {
		for _, u := range l.unsaved {
			u.tell()
		}
	}
	unsaved := len(l.unsaved)
	if err != nil || before != nil {
		l.publish()
	}
	l.mu.Unlock()
	switch {
	case err != nil && before == nil:
		l.options.Logger.WarnContext(ctx, "rollout store does not answer; changes away from the monolith are refused until it does", "error", err, "unsaved", unsaved)
	case err != nil:
		l.options.Logger.DebugContext(ctx, "rollout store still does not answer", "error", err, "unsaved", unsaved)
	case before != nil:
		l.options.Logger.InfoContext(ctx, "rollout store answers again", "unsaved", unsaved)
	}
}
