package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/store"
)

// Options are what Recover needs.
type Options struct {
	// Now is the clock that names files and spaces snapshots. Required.
	Now func() time.Time
	// Logger is told what was damaged, and of snapshots that failed. Nil: nobody.
	Logger *slog.Logger
}

// recovery is what became of a damaged file.
type recovery struct {
	// file is what it is called now; its log has -wal behind that.
	file string
	why  error
	// snapshot is the file that took its place; empty: there was none, and the
	// store began empty.
	snapshot string
	// newest is the newest change that the snapshot has; what was acknowledged
	// later is lost. Zero: it has none.
	newest rollout.Change
}

// String is one line for an operator.
func (r *recovery) String() string {
	text := "the store was damaged and is set aside as " + r.file
	switch {
	case r.snapshot == "":
		return text + "; there was no good snapshot: it began empty, so every route is on the monolith until it is set anew"
	case r.newest.Seq == 0:
		return text + fmt.Sprintf("; the snapshot %s took its place, which holds no change: every route is on the monolith until it is set anew", r.snapshot)
	}
	return text + fmt.Sprintf("; the snapshot %s took its place, good up to change %d of %s: what was changed later is lost, holds included",
		r.snapshot, r.newest.Seq, r.newest.At.Format(time.RFC3339))
}

// earlier is the notice of files that an earlier start has set aside.
func earlier(path string) string {
	found, _ := siblings(path, asideInfix)
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("the store was damaged at an earlier start: %s was set aside; remove the file when nobody needs it any more", found[0])
}

const asideInfix = ".corrupt-"

// stamp is how a moment stands in a file's name.
const stamp = "20060102T150405Z"

// Recover opens a file as Open does, for as long as a server runs. It makes
// snapshots of it (see the package comment), and a damaged one is set aside,
// never deleted, with the newest good snapshot in its place, or none: see
// Store.Notice. A file that is not damaged but cannot be used is refused and
// left alone, as by Open.
func Recover(path string, o Options) (*Store, error) {
	if o.Now == nil {
		return nil, errors.New("opening the store: a clock is required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	aside, err := halfway(path)
	var s *Store
	if err == nil && aside == "" {
		s, err = openOwn(path, o)
	}
	if errors.Is(err, store.ErrCorrupt) {
		s, err = replace(path, aside, err, o)
	}
	if err != nil {
		return nil, err
	}
	s.log = o.Logger
	if s.notice == "" {
		s.notice = earlier(path)
	}
	keepSnapshots(s, o)
	return s, nil
}

// openOwn is Open for the file's owner: it knows a file that lost all its
// content from one that never had any.
func openOwn(path string, o Options) (*Store, error) {
	kept, err := snapshots(path)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	info, err := os.Stat(path)
	notice := ""
	switch {
	case len(kept) == 0:
	case err == nil && info.Mode().IsRegular() && info.Size() == 0:
		return nil, fmt.Errorf("opening the store %s: %w: the file is empty, but there are snapshots of it", path, store.ErrCorrupt)
	case errors.Is(err, os.ErrNotExist):
		// Someone removed it, perhaps to begin anew: what is kept of the old one
		// must not come back by itself, nor be lost.
		for _, name := range kept {
			if err := os.Rename(name, name+".earlier"); err != nil {
				return nil, fmt.Errorf("opening the store %s: %w", path, err)
			}
		}
		notice = fmt.Sprintf("the store's file was not there at the start: the store began empty, and every route is on the monolith until it is set anew; "+
			"to take the last snapshot instead, stop the server and rename %s to %s", kept[0]+".earlier", path)
		o.Logger.Warn(notice, "store", path)
	}
	s, err := Open(path)
	if err == nil {
		s.notice = notice
	}
	if errors.Is(err, store.ErrForeign) && len(kept) > 0 {
		return nil, fmt.Errorf("%w: %w", store.ErrCorrupt, err) // it was a store when those were made
	}
	return s, err
}

// replace sets a damaged file aside, under the name given if there is one, and
// opens what takes its place.
func replace(path, aside string, why error, o Options) (*Store, error) {
	if aside == "" {
		aside = free(path + asideInfix + o.Now().UTC().Format(stamp))
	}
	done := &recovery{file: aside, why: why}
	fresh := path + ".restoring"
	if err := prepareReplacement(path, fresh, done, o.Logger); err != nil {
		return nil, fmt.Errorf("replacing the damaged store %s: %w (it was: %w)", path, err, textError{why})
	}
	if err := exchange(path, fresh, done.file); err != nil {
		return nil, fmt.Errorf("setting aside the damaged store %s: %w", path, err)
	}
	s, err := Open(path)
	if err != nil {
		return nil, err
	}
	s.notice, s.replaced = done.String(), true
	o.Logger.Error(s.notice, "store", path, "why", why)
	return s, nil
}

// prepareReplacement makes fresh from the newest snapshot that is sound, or
// empty.
func prepareReplacement(path, fresh string, done *recovery, log *slog.Logger) error {
	kept, err := snapshots(path)
	if err != nil {
		return err
	}
	for _, name := range kept {
		newest, err := tryCopy(name, fresh)
		if err == nil {
			done.snapshot, done.newest = name, newest
			return nil
		}
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrForeign) {
			return err
		}
		log.Error("a snapshot of the store is damaged too; trying the one before", "snapshot", name, "error", err)
	}
	if err := removeDatabase(fresh); err != nil {
		return err
	}
	s, err := Open(fresh)
	if err != nil {
		return err
	}
	return s.Close()
}

// tryCopy makes a working store of a snapshot and answers its newest change.
func tryCopy(snapshot, fresh string) (newest rollout.Change, err error) {
	if err := removeDatabase(fresh); err != nil {
		return newest, err
	}
	if err := copyFile(snapshot, fresh); err != nil {
		return newest, err
	}
	s, err := Open(fresh)
	if err != nil {
		return newest, err
	}
	found, err := s.History(context.Background(), rollout.Query{Limit: 1})
	if err == nil && len(found) == 1 {
		newest = found[0]
	}
	return newest, errors.Join(err, s.Close())
}

// mark is where the application ID stands in a database's header.
const mark = 68

// damaged says whether a file that SQLite takes for no database, or not for a
// sound one, was a store: it bears our mark still, or has snapshots. Any other
// file may be somebody else's, named by mistake.
//
// Nobody else has the file open: SQLite had its lock when it read it.
func damaged(path string) bool {
	if kept, err := snapshots(path); err == nil && len(kept) > 0 {
		return true
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }() // it was only read
	var id [4]byte
	_, err = file.ReadAt(id[:], mark)
	return err == nil && binary.BigEndian.Uint32(id[:]) == applicationID
}
