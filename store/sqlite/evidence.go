package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/store"
)

// Evidence is a book.Store: what the shadow's comparisons came to, in a file of
// its own, see EvidencePath. It is no state: nothing is decided by it that
// cannot be compared anew, so a commit is not flushed to the disk (a power cut
// may lose the last ones, never half of one), and no snapshot is made.
//
// Safe for concurrent use.
type Evidence struct {
	path   string
	notice string

	mu    sync.Mutex
	db    *sql.DB // one connection, as a Store's
	place os.FileInfo
}

var _ book.Store = (*Evidence)(nil)

// EvidencePath is where the evidence beside a store lies: strangler.db has
// strangler.shadow.db.
func EvidencePath(storePath string) string {
	extension := filepath.Ext(storePath)
	return strings.TrimSuffix(storePath, extension) + ".shadow" + extension
}

// OpenEvidence opens the file, or makes it; its directory must exist. A file of
// ours that is damaged is set aside as PATH.corrupt-TIME, never deleted, and a
// new one takes its place: see Evidence.Notice.
//
// Any other error leaves the file alone: it wraps store.ErrInUse, store.ErrNewer
// or store.ErrForeign, or is the file system's. The caller goes on without a
// store then.
func OpenEvidence(path string, now time.Time) (*Evidence, error) {
	e := &Evidence{path: path}
	err := e.open()
	if errors.Is(err, store.ErrCorrupt) {
		err = e.setAside(err, now)
	}
	if err != nil {
		return nil, explain("opening", e.name(), err)
	}
	return e, nil
}

func (e *Evidence) name() string { return "the evidence of comparisons " + e.path }

// Notice is what an operator must know of the file: that it was damaged, and
// what it is called now. Empty: nothing.
func (e *Evidence) Notice() string { return e.notice }

// Close closes the file and releases its lock.
func (e *Evidence) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.db.Close(); err != nil {
		return explain("closing", e.name(), err)
	}
	return nil
}

// open opens the file; the caller holds mu, or nobody knows of e yet.
func (e *Evidence) open() error {
	if err := private(e.path); err != nil {
		return err
	}
	if emptied(e.path) {
		return fmt.Errorf("%w: the file is empty, but its log is not", store.ErrCorrupt)
	}
	name, err := dsn(e.path)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	if err := prepareEvidence(ctx, e.path, db); err != nil {
		err = explain("reading", "it", unwritable(e.path, err))
		return errors.Join(doubtEvidence(e.path, err), db.Close())
	}
	place, err := os.Stat(e.path)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	e.db, e.place = db, place
	return nil
}

// prepareEvidence looks at the file without changing it, then makes it ready.
func prepareEvidence(ctx context.Context, path string, db *sql.DB) error {
	version, err := identify(ctx, db, evidenceID, len(evidenceMigrations))
	if err != nil {
		return err
	}
	if err := checkLog(ctx, path, db); err != nil {
		return err
	}
	if err := checkIntegrity(ctx, db); err != nil {
		return err
	}
	// auto_vacuum comes first: it cannot be chosen once there is a page.
	for _, pragma := range []string{
		"PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL",
		"PRAGMA journal_size_limit = 8388608",
	} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return migrate(ctx, db, evidenceID, version, evidenceMigrations)
}

// doubtEvidence makes a damaged file without our mark somebody else's.
func doubtEvidence(path string, err error) error {
	if !errors.Is(err, store.ErrCorrupt) || emptied(path) {
		return err
	}
	var id [4]byte
	file, unreadable := os.Open(path)
	if unreadable != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	if _, short := file.ReadAt(id[:], mark); short == nil && binary.BigEndian.Uint32(id[:]) == evidenceID {
		return err
	}
	return fmt.Errorf("%w, or one damaged beyond recognition: %w", store.ErrForeign, textError{err})
}

// setAside gives a damaged file another name and begins a new one.
func (e *Evidence) setAside(why error, now time.Time) error {
	aside := free(e.path + asideInfix + now.UTC().Format(stamp))
	for _, suffix := range []string{"", "-wal"} {
		if err := os.Rename(e.path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.Join(err, why)
		}
	}
	if err := e.open(); err != nil {
		return errors.Join(err, textError{why})
	}
	e.notice = fmt.Sprintf("the evidence of comparisons was damaged and is set aside as %s; it begins anew (%v)", aside, why)
	return nil
}

// errEvidenceGone makes the book write all that it has, into the new file.
var errEvidenceGone = errors.New("the file was removed; a new one is made and all counts are written to it")

// attend makes a new file when the one that is open cannot be found any more.
// The caller holds mu.
func (e *Evidence) attend() error {
	now, err := os.Stat(e.path)
	switch {
	case err == nil && os.SameFile(now, e.place):
		return nil
	case err == nil:
		return errReplaced
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	old := e.db
	// The log of the removed file would be taken for the new one's.
	if err := os.Remove(e.path + "-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := e.open(); err != nil {
		return err
	}
	return errors.Join(errEvidenceGone, old.Close())
}
