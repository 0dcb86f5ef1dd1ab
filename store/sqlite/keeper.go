package sqlite

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// keeper makes snapshots of a store.
type keeper struct {
	store   *Store
	options Options
	changed chan struct{}
	hurried chan struct{} // what changed must not wait for long
	took    time.Duration // the last one
	end     func()
}

// keepSnapshots begins with one when there is none yet.
func keepSnapshots(s *Store, o Options) {
	k := &keeper{store: s, options: o, changed: make(chan struct{}, 1), hurried: make(chan struct{}, 1)}
	s.keep = k
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { k.run(ctx) })
	done.Go(func() { k.attend(ctx) })
	k.end = func() {
		cancel()
		done.Wait()
	}
	if kept, err := snapshots(s.path); err != nil || len(kept) == 0 || s.replaced {
		k.note()
	}
}

// attend looks now and then whether the store's files are there, also when
// nothing is written, and a last time after ctx has ended: a look that had begun
// before may have been too early.
func (k *keeper) attend(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			over = true
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), snapshotTimeout)
		_ = k.store.attend(bounded) // logged, and in the status
		cancel()
	}
}

// note says that there is something a snapshot should have.
func (k *keeper) note() {
	if k != nil {
		putUp(k.changed)
	}
}

// hurry says that there is something which the next snapshot should have soon.
func (k *keeper) hurry() {
	if k != nil {
		putUp(k.hurried)
		putUp(k.changed)
	}
}

// putUp raises a flag, and takeDown lowers it.
func putUp(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

func takeDown(flag chan struct{}) {
	select {
	case <-flag:
	default:
	}
}

// run makes snapshots until ctx ends, and then a last one of what is new.
func (k *keeper) run(ctx context.Context) {
	pause := snapshotDelay
	for {
		select {
		case <-k.changed:
		case <-ctx.Done():
			k.last(ctx)
			return
		}
		if !k.wait(ctx, pause) {
			k.note()
			k.last(ctx)
			return
		}
		takeDown(k.changed) // those that came while it waited
		takeDown(k.hurried)
		pause = k.make(ctx)
	}
}

// wait is over early when something must not wait for long, and at once, and
// false, when ctx ends.
func (k *keeper) wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-k.hurried:
	}
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-time.After(max(snapshotDelay, snapshotHurry*k.took)):
		return true
	}
}

func (k *keeper) last(ctx context.Context) {
	select {
	case <-k.changed:
		k.make(context.WithoutCancel(ctx))
	default:
	}
}

// make makes one, and answers when the next may be made.
func (k *keeper) make(ctx context.Context) (pause time.Duration) {
	started := k.options.Now()
	bounded, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	name, err := k.store.snapshot(bounded, started)
	k.took = max(0, k.options.Now().Sub(started))
	pause = max(snapshotPause, snapshotShare*k.took)
	if err == nil {
		k.options.Logger.Debug("made a snapshot of the store", slog.String("file", name), slog.Duration("took", k.took))
		return pause
	}
	k.note()
	if ctx.Err() == nil { // else the store is being closed, and a last one is made
		k.options.Logger.Warn("no snapshot of the store was made", "error", err, "took", k.took)
	}
	return max(pause, snapshotRetry)
}
