package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/store"
)

const (
	// openTimeout bounds Open, busyTimeout the part of it in which it waits for
	// a process that is just ending, and checkTimeout that in which it reads the
	// file through: a file too big for that is taken as far as it was read.
	openTimeout  = time.Minute
	busyTimeout  = 3 * time.Second
	checkTimeout = 5 * time.Second
)

// Store is a rollout.Store in one SQLite file. Safe for concurrent use.
type Store struct {
	path string
	keep *keeper // nil: no snapshots are made
	log  *slog.Logger

	mu    sync.RWMutex // held for writing while another file takes the place of a removed one
	db    *sql.DB      // one connection: exclusive locking knows no second
	place place

	notice    string // see Notice
	replaced  bool   // the file was damaged, and this is another
	moved     atomic.Pointer[string]
	displaced atomic.Bool // the last look did not find the file in its place
	temporary string      // the folder of a copy, see Read
}

var _ rollout.Store = (*Store)(nil)

// Open opens the file, or makes it; its directory must exist. The file is
// checked from end to end, a big one for 5s, and brought to this version's schema.
//
// The error wraps store.ErrInUse (after a wait of 3s), store.ErrCorrupt,
// store.ErrNewer or store.ErrForeign; in each of these cases the file is as it
// was. A server opens it by Recover instead.
func Open(path string) (*Store, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	if emptied(path) {
		return nil, fmt.Errorf("opening the store %s: %w: the file is empty, but its log is not", path, store.ErrCorrupt)
	}
	name, err := dsn(path)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	s := &Store{path: path, db: db, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	if err := s.prepare(ctx); err != nil {
		err = unwritable(path, err)
		return nil, errors.Join(s.doubt(s.explain("opening", err)), db.Close())
	}
	if err := s.findPlace(ctx); err != nil {
		return nil, errors.Join(s.explain("opening", err), db.Close())
	}
	return s, nil
}

// Notice is what an operator must know of the file: that it was damaged, or not
// there, when Recover opened it, that it was removed since, and what became of
// it. Empty: nothing.
func (s *Store) Notice() string {
	moved := s.moved.Load()
	switch {
	case moved == nil:
		return s.notice
	case s.notice == "":
		return *moved
	}
	return *moved + "; " + s.notice
}

// Close closes the file and releases its lock, after a last snapshot if one is
// due.
func (s *Store) Close() error {
	if s.keep != nil {
		s.keep.end()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.db.Close()
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	if err != nil {
		return s.explain("closing", err)
	}
	return nil
}

// prepare looks at the file without changing it, then makes it ready.
func (s *Store) prepare(ctx context.Context) error {
	version, err := identify(ctx, s.db, applicationID, len(migrations))
	if err != nil {
		return err
	}
	if err := checkLog(ctx, s.path, s.db); err != nil {
		return err
	}
	if err := checkIntegrity(ctx, s.db); err != nil {
		return err
	}
	var mode string
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system allows no write-ahead log (journal mode %s)", mode)
	}
	return migrate(ctx, s.db, applicationID, version, migrations)
}

// checkLog looks for damage in the write-ahead log, which is then kept: closing
// the file would else remove it.
func checkLog(ctx context.Context, path string, db *sql.DB) error {
	found := checkWAL(path + "-wal")
	if found == nil {
		return nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(found, err)
	}
	err = conn.Raw(func(c any) error {
		_, err := c.(driver.FileControl).FileControlPersistWAL("main", 1)
		return err
	})
	return errors.Join(found, err, conn.Close())
}

// checkIntegrity reads the whole file, or as much as it can in time.
func checkIntegrity(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var finding string
	err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&finding)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	case finding != "ok":
		return fmt.Errorf("%w: %s", store.ErrCorrupt, strings.ReplaceAll(finding, "\n", " "))
	}
	return nil
}

// doubt makes a damaged file that nothing shows to be a store somebody else's.
func (s *Store) doubt(err error) error {
	if errors.Is(err, store.ErrCorrupt) && !damaged(s.path) {
		return fmt.Errorf("%w, or one damaged beyond recognition: %w", store.ErrForeign, textError{err})
	}
	return err
}

// unwritable explains what SQLite says, in many ways, of a file that this user
// may not write to. It opens and closes the file, which ends every lock that
// this process has on it: only for one that could not be opened.
func unwritable(path string, err error) error {
	var sqliteErr *driver.Error
	if !errors.As(err, &sqliteErr) {
		return err
	}
	switch sqliteErr.Code() & 0xff {
	case codes.SQLITE_IOERR, codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
	default:
		return err
	}
	file, denied := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0) //nolint:gosec // the operator names the file
	if denied == nil {
		return errors.Join(err, file.Close())
	}
	if !errors.Is(denied, os.ErrPermission) {
		return err
	}
	return fmt.Errorf("it is not writable for user %d (give it to that user, who alone is to read it: chown, chmod 600): %w", os.Getuid(), err)
}

// textError is an error's text without its meaning.
type textError struct{ error }

// explain gives an error the store's name, and an error of SQLite's the
// meaning it has for an operator.
func (s *Store) explain(doing string, err error) error {
	return explain(doing, "the store "+s.path, err)
}

// explain is what [Store.explain] says, of the file that what names.
func explain(doing, what string, err error) error {
	var sqliteErr *driver.Error
	if errors.As(err, &sqliteErr) {
		switch sqliteErr.Code() & 0xff { // the primary result code
		case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
			err = fmt.Errorf("%w (one process owns a store; ask that one, or give this one a store of its own): %w", store.ErrInUse, err)
		case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
			err = fmt.Errorf("%w: %w", store.ErrCorrupt, err)
		}
	}
	return fmt.Errorf("%s %s: %w", doing, what, err)
}

// transact runs fn in a transaction, which is durable when transact returns
// nil. It looks for the file before, so that nothing is written to one that was
// removed, and after, since it may have been removed meanwhile.
func (s *Store) transact(ctx context.Context, doing string, fn func(*sql.Tx) error) error {
	err := s.attend(ctx)
	if err == nil {
		err = s.commit(ctx, fn)
	}
	if err == nil {
		err = s.attend(ctx)
	}
	if err != nil {
		return s.explain(doing, err)
	}
	return nil
}

func (s *Store) commit(ctx context.Context, fn func(*sql.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		return err
	}
	return tx.Commit()
}

// emptied says whether a file lost all its content but not its log, which
// SQLite would then remove: it never makes a log for an empty file.
func emptied(path string) bool {
	info, err := os.Stat(path) //nolint:gosec // the operator names the file
	if err != nil || info.Size() > 0 {
		return false
	}
	log, err := os.Stat(path + "-wal") //nolint:gosec // as above
	return err == nil && log.Size() > walHeader
}

// private makes the file, when there is none, and in any case closes it to
// everyone but its owner: SQLite gives its other files the same mode.
func private(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err == nil {
		return errors.Join(file.Close(), syncDir(filepath.Dir(path)))
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	for _, name := range []string{path, path + "-wal"} {
		// By name: opening and closing the file would drop the locks that this
		// process holds on it (POSIX fcntl).
		info, err := os.Stat(name) //nolint:gosec // the operator names the file
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file", name)
		}
		if info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(name, info.Mode().Perm()&0o700); err != nil { //nolint:gosec // the operator names the file
			return err
		}
	}
	return nil
}

// syncDir makes a new file's name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	_ = d.Sync() // not every file system knows it
	return d.Close()
}

// dsn names the file in the driver's terms, with the settings that every
// connection starts with.
func dsn(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	settings := url.Values{
		"mode":          {"rw"}, // a file that vanished is not made anew, empty
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_pragma":       {"locking_mode(EXCLUSIVE)", "secure_delete(ON)"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_dqs":          {"false"},
		"_defensive":    {"true"},
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + settings.Encode(), nil
}
