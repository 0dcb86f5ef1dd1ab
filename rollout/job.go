package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// job is a change that must be stored before it is made.
type job struct {
	*edit
	expected uint64 // the version it must be made on, or anyVersion
	answer   chan answer
	settled  atomic.Bool // answered, or given up by the one who waits
}

type answer struct {
	change Change
	err    error
}

// settle is won by whoever comes first: the goroutine that has an answer, or
// the caller who waits no longer.
func (j *job) settle() bool { return j.settled.CompareAndSwap(false, true) }

func (j *job) give(c Change, err error) {
	if j.settle() {
		j.answer <- answer{c, err}
	}
}

// storeLater waits until the store has taken an edit that is in effect
// already, or has failed to.
func (l *Ledger) storeLater(ctx context.Context, u *unsaved, c Change) (Change, error) {
	l.nudge()
	patience := time.NewTimer(l.options.Wait)
	defer patience.Stop()
	select {
	case <-u.heard:
	case <-patience.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	if u.stored != nil {
		c = *u.stored
	}
	l.mu.Unlock()
	l.log(ctx, c)
	return c, nil
}

// storeFirst has the goroutine carry out a job, and waits for it.
func (l *Ledger) storeFirst(ctx context.Context, j *job) (Change, error) {
	patience := time.NewTimer(l.options.Wait)
	defer patience.Stop()
	select {
	case l.jobs <- j:
	case <-patience.C:
		return Change{}, fmt.Errorf("%w: it is busy", ErrNotStored)
	case <-ctx.Done():
		return Change{}, fmt.Errorf("%w: %w", ErrNotStored, ctx.Err())
	case <-l.done:
		return Change{}, ErrClosed
	}
	var reason error
	select {
	case a := <-j.answer:
		return a.change, a.err
	case <-patience.C:
		reason = fmt.Errorf("no answer in %s", l.options.Wait)
	case <-ctx.Done():
		reason = ctx.Err()
	}
	if j.settle() {
		return Change{}, fmt.Errorf("%w: %w", ErrNotStored, reason)
	}
	a := <-j.answer
	return a.change, a.err
}

// carryOut makes a change that must be stored first.
func (l *Ledger) carryOut(ctx context.Context, j *job) {
	for range maxStale {
		c, err := l.prepare(ctx, j)
		if err != nil || c.ID == "" {
			j.give(c, err)
			return
		}
		if j.settled.Load() {
			return
		}
		stored, err := l.apply(ctx, c)
		if errors.Is(err, ErrStale) {
			l.outdate()
			j.expected = stateBefore(c).Version
			continue
		}
		l.conclude(ctx, j, c, stored, err)
		return
	}
	j.give(Change{}, fmt.Errorf("%w: %w", ErrNotStored, ErrStale))
}

// prepare makes the job a change of what the store holds now. A change that
// would change nothing has no ID.
func (l *Ledger) prepare(ctx context.Context, j *job) (Change, error) {
	if err := l.catchUp(ctx); err != nil {
		return Change{}, fmt.Errorf("%w: %w", ErrNotStored, err)
	}
	l.mu.Lock()
	newest := l.newest(j.route)
	l.mu.Unlock()
	if err := conflictOf(j.route, j.expected, newest); err != nil {
		return Change{}, err
	}
	c, err := j.on(newest)
	if errors.Is(err, errUnchanged) {
		return c.unchanged(), nil
	}
	return c, err
}

// conclude ends a job whose change the store was asked to take. When it is not
// known whether it did, when nobody waits for the answer any more, or when it was
// overtaken, the change is withdrawn: it was refused, so it must not be in effect.
func (l *Ledger) conclude(ctx context.Context, j *job, tried, stored Change, err error) {
	if err != nil {
		l.withdraw(tried)
		l.report(ctx, err)
		j.give(Change{}, fmt.Errorf("%w: %w", ErrNotStored, err))
		return
	}
	l.mu.Lock()
	overtaken := l.overtaken(j, tried)
	if overtaken != nil || !j.settle() {
		l.mu.Unlock()
		l.withdraw(tried)
		j.give(Change{}, overtaken)
		return
	}
	l.install(stored)
	l.publish(j.route)
	l.mu.Unlock()
	l.log(ctx, stored)
	j.answer <- answer{stored, nil}
}

// overtaken is the conflict of a job for one version of its route: another
// change of that version, which leads toward the monolith and so waited for
// nothing, came while the store was asked. Of the two, that one stands. The
// caller holds the lock.
func (l *Ledger) overtaken(j *job, tried Change) error {
	if j.act.IfVersion == 0 {
		return nil
	}
	return conflictOf(j.route, stateBefore(tried).Version, l.newest(j.route))
}

// withdraw takes back what the store may have taken.
func (l *Ledger) withdraw(c Change) {
	act := Act{By: c.Act.By, Reason: "not acknowledged: " + string(c.Verb), Source: SourceLedger}
	u := &unsaved{
		edit:  &edit{id: rand.Text(), route: c.Route, verb: VerbWithdraw, act: act, at: l.now(), withdraws: &c},
		heard: make(chan struct{}),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outdated = true
	// First, because whatever else is unsaved was made on the state without c.
	l.unsaved = slices.Insert(l.unsaved, 0, u)
	l.publish(c.Route)
}
