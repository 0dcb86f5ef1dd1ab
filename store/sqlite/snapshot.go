package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How snapshots are made: snapshotDelay after a change, so that those made
// together are in it; not before snapshotPause after the one before, nor before
// snapshotShare times what that one took, so that a big file is not copied all
// the time; each within snapshotTimeout, in which changes wait. For a new hold
// snapshotDelay is enough, or snapshotHurry times what the last one took: without
// it a service that is held might be asked again.
const (
	snapshotDelay   = time.Second
	snapshotPause   = 10 * time.Second
	snapshotShare   = 100
	snapshotHurry   = 4
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
