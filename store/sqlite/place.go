package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/strangler-proxy/strangler/store"
)

// lookEvery is how often an idle store looks whether its files are there.
const lookEvery = 2 * time.Second

// errReplaced: what is at the path now is not ours to write to, nor to replace.
var errReplaced = errors.New("another file has taken the place of the store's; the server goes on with what it knows, which is newer: " +
	"stop it to go on with that file, or move that file away, and the server writes its own anew")

// place is what the names of the store's two files meant when it was opened.
// Removing or replacing a file does not keep a process from writing to it, so
// that what it then acknowledges would end with it.
type place struct{ db, log os.FileInfo }

func (s *Store) findPlace(ctx context.Context) (err error) {
	// SQLite makes the log when it first reads in that mode.
	var objects int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&objects); err != nil {
		return err
	}
	if s.place.db, err = os.Stat(s.path); err != nil {
		return err
	}
	s.place.log, err = os.Stat(s.path + "-wal")
	return err
}

// gone says whether one of the names is no more. The error is errReplaced when
// one of them means another file now. The caller holds mu.
func (s *Store) gone() (gone bool, err error) {
	for name, was := range map[string]os.FileInfo{s.path: s.place.db, s.path + "-wal": s.place.log} {
		now, err := os.Stat(name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			gone = true
		case err != nil:
			return false, err
		case !os.SameFile(now, was):
			return false, fmt.Errorf("%s: %w", name, errReplaced)
		}
	}
	return gone, nil
}

// attend makes sure that the store's files can be found by whoever comes next.
// When one was removed, all that the store has is written anew: the process
// still holds what was removed.
func (s *Store) attend(ctx context.Context) error {
	s.mu.RLock()
	gone, err := s.gone()
	s.mu.RUnlock()
	if gone {
		gone, err = s.rewriteGone(ctx)
	}
	switch before := s.displaced.Swap(err != nil); {
	case err != nil:
		text := fmt.Sprintf("the store's file is not in its place, so nothing is stored: %v", err)
		if told := s.moved.Swap(&text); told == nil || *told != text {
			s.log.Error(text, "store", s.path)
		}
	case gone:
		text := "the store's file was removed while the server ran; it was written anew with all that was in it: nothing is lost"
		s.moved.Store(&text)
		s.log.Error(text, "store", s.path)
		s.keep.note()
	case before:
		s.moved.Store(nil)
		s.log.Info("the store's file is in its place again: nothing is lost", "store", s.path)
	}
	return err
}

// rewriteGone is rewrite, unless another call has done it meanwhile.
func (s *Store) rewriteGone(ctx context.Context) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gone, err := s.gone(); !gone || err != nil {
		return false, err
	}
	if err := s.rewrite(ctx); err != nil {
		return false, fmt.Errorf("it was removed, and cannot be written anew: %w", err)
	}
	return true, nil
}

// rewrite puts a file with all that the store has in the place of one that was
// removed, and goes on with that. When it fails the store still has what it had.
// The caller holds mu, so that nothing is acknowledged that is not in the copy.
func (s *Store) rewrite(ctx context.Context) error {
	fresh := s.path + ".rewriting"
	if err := removeDatabase(fresh); err != nil {
		return err
	}
	err := s.writeTo(ctx, fresh)
	var written os.FileInfo
	if err == nil {
		written, err = os.Stat(fresh)
	}
	if err == nil {
		err = s.put(fresh)
	}
	if err != nil {
		return errors.Join(err, removeDatabase(fresh))
	}
	next, err := s.adopt(written) //nolint:contextcheck // half open it would be of no use: bounded by openTimeout
	if err != nil {
		return err
	}
	old := s.db
	s.db, s.place = next.db, next.place
	// SQLite sees that its file was moved, and leaves what has its names now alone.
	return old.Close()
}

// adopt opens the file that was written, unless another has taken its name since
// that was given to it: what is at the name now would be taken for the store's, and
// what is acknowledged would go into a file that has no name.
func (s *Store) adopt(written os.FileInfo) (*Store, error) {
	next, err := Open(s.path)
	now, lost := os.Stat(s.path)
	ours := lost == nil && os.SameFile(now, written)
	switch {
	case err != nil && ours && !errors.Is(err, store.ErrInUse):
		return nil, errors.Join(err, removeDatabase(s.path)) // it would count for another's
	case err != nil && lost == nil && !ours:
		return nil, fmt.Errorf("%s: %w", s.path, errReplaced)
	case err != nil:
		return nil, err
	case os.SameFile(next.place.db, written):
		return next, nil
	}
	err = errors.Join(fmt.Errorf("%s: %w", s.path, errReplaced), next.Close())
	// The log of ours would be taken for that of the other.
	if log, lost := os.Stat(s.path + "-wal"); lost == nil && os.SameFile(log, next.place.log) {
		err = errors.Join(err, os.Remove(s.path+"-wal"))
	}
	return nil, err
}

// put gives a new file the store's name. It replaces nothing but what is ours.
func (s *Store) put(fresh string) error {
	// The log of the removed file would be taken for that of the new one.
	if log, err := os.Stat(s.path + "-wal"); err == nil && os.SameFile(log, s.place.log) {
		if err := os.Remove(s.path + "-wal"); err != nil {
			return err
		}
	}
	if _, err := s.gone(); err != nil {
		return err
	}
	if _, err := os.Stat(s.path); err == nil { // only the log was removed
		if err := os.Rename(fresh, s.path); err != nil {
			return err
		}
		return syncDir(filepath.Dir(s.path))
	}
	if err := os.Link(fresh, s.path); err != nil { // unlike Rename, it replaces nothing
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s: %w", s.path, errReplaced)
		}
		return err
	}
	return errors.Join(os.Remove(fresh), syncDir(filepath.Dir(s.path)))
}
