package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// How snapshots are made: snapshotDelay after a change, so that those made
// together are in it; not before snapshotPause after the one before, nor before
// snapshotShare times what that one took, so that a big file is not copied all
// the time; each within snapshotTimeout, in which changes wait.
const (
	snapshotDelay   = time.Second
	snapshotPause   = 10 * time.Second
	snapshotShare   = 100
	snapshotRetry   = time.Minute // after one that failed
	snapshotTimeout = 10 * time.Second
	snapshotCount   = 3
)

const snapshotInfix = ".snapshot-"

// snapshots are the snapshots of a file, newest first.
func snapshots(path string) ([]string, error) { return siblings(path, snapshotInfix) }

// siblings are the files that are named like path, the infix and a moment,
// newest first.
func siblings(path, infix string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		moment, ours := strings.CutPrefix(entry.Name(), filepath.Base(path)+infix)
		if !ours {
			continue
		}
		if _, err := time.Parse(stamp, moment); err == nil {
			found = append(found, filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
	slices.Reverse(found) // ReadDir sorts, and the names sort by time
	return found, nil
}

// keeper makes snapshots of a store.
type keeper struct {
	store   *Store
	options Options
	changed chan struct{}
	end     func()
}

// keepSnapshots begins with one when there is none yet.
func keepSnapshots(s *Store, o Options) {
	k := &keeper{store: s, options: o, changed: make(chan struct{}, 1)}
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
// nothing is written.
func (k *keeper) attend(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done(): // a last time
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), snapshotTimeout)
		_ = k.store.attend(bounded) // logged, and in the status
		cancel()
	}
}

// note says that there is something a snapshot should have.
func (k *keeper) note() {
	if k == nil {
		return
	}
	select {
	case k.changed <- struct{}{}:
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
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			k.note()
			k.last(ctx)
			return
		}
		select { // those that came while it waited
		case <-k.changed:
		default:
		}
		pause = k.make(ctx)
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
	took := max(0, k.options.Now().Sub(started))
	pause = max(snapshotPause, snapshotShare*took)
	if err == nil {
		k.options.Logger.Debug("made a snapshot of the store", slog.String("file", name), slog.Duration("took", took))
		return pause
	}
	k.note()
	if ctx.Err() == nil { // else the store is being closed, and a last one is made
		k.options.Logger.Warn("no snapshot of the store was made", "error", err, "took", took)
	}
	return max(pause, snapshotRetry)
}

// snapshot writes all that the store has to a file of its own, durably, and
// removes those that are too many. VACUUM reads every row: a damaged store
// makes no snapshot.
func (s *Store) snapshot(ctx context.Context, at time.Time) (name string, err error) {
	kept, err := snapshots(s.path)
	if err != nil {
		return "", s.explain("copying", err)
	}
	name = s.snapshotName(at, kept)
	unfinished := s.path + ".snapshotting"
	if err := removeDatabase(unfinished); err != nil {
		return "", s.explain("copying", err)
	}
	s.mu.RLock()
	err = s.writeTo(ctx, unfinished)
	s.mu.RUnlock()
	if err != nil {
		return "", s.explain("copying", errors.Join(err, removeDatabase(unfinished)))
	}
	if err := os.Rename(unfinished, name); err != nil { //nolint:gosec // beside the file that the operator names
		return "", s.explain("copying", err)
	}
	if err := syncDir(filepath.Dir(name)); err != nil {
		return "", s.explain("copying", err)
	}
	for _, old := range kept[min(len(kept), snapshotCount-1):] {
		if err := os.Remove(old); err != nil { //nolint:gosec // as above
			return "", s.explain("copying", err)
		}
	}
	return name, nil
}

// snapshotName is later than that of every snapshot there is, whatever the
// clock says: the name alone orders them.
func (s *Store) snapshotName(at time.Time, kept []string) string {
	at = at.UTC()
	if len(kept) > 0 {
		newest, err := time.Parse(stamp, kept[0][len(kept[0])-len(stamp):])
		if err == nil && !at.Truncate(time.Second).After(newest) {
			at = newest.Add(time.Second)
		}
	}
	return s.path + snapshotInfix + at.Format(stamp)
}

func (s *Store) writeTo(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the file that the operator names
	if err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return errors.Join(err, file.Close())
	}
	info, err := file.Stat()
	if err == nil && info.Size() == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	return errors.Join(err, file.Sync(), file.Close())
}
