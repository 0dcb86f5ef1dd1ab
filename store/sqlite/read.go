package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/strangler-proxy/strangler/store"
)

// errMoving says that a file was changed while it was copied.
var errMoving = errors.New("it changes all the time")

// readAttempts is how often a copy is tried while the file's owner writes.
const readAttempts = 10

// Read opens a copy of the file as it is at this moment, also while another
// process owns the file: its lock is not asked for and the file is not changed,
// nor brought to this version's schema; the copy is. Close removes the copy.
// What cannot be read is refused as by Open.
//
// The process that owns the file must not call it: that would drop its locks
// (POSIX fcntl).
func Read(path string) (*Store, error) {
	dir, err := os.MkdirTemp("", "strangler-store-") // for its owner alone
	if err != nil {
		return nil, fmt.Errorf("reading the store %s: %w", path, err)
	}
	for attempt := range readAttempts {
		var s *Store
		name := filepath.Join(dir, fmt.Sprint("copy-", attempt))
		if err = copyStill(path, name); err == nil {
			s, err = Open(name)
		}
		if err == nil {
			s.temporary = dir
			return s, nil
		}
		if !errors.Is(err, errMoving) && !errors.Is(err, store.ErrCorrupt) {
			break
		}
	}
	return nil, errors.Join(fmt.Errorf("reading the store %s: %w", path, err), os.RemoveAll(dir))
}

// copyStill copies a database and its log, unless they moved meanwhile. Only a
// checkpoint writes to the database, and a log begins anew only after one, with
// another salt in its header (https://www.sqlite.org/fileformat2.html#walformat,
// 4.1). So when neither has changed, the copy is what a power cut would have
// left: the log's whole transactions over the database.
func copyStill(path, to string) error {
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !before.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	log := path + "-wal"
	header, err := headOf(log)
	if err != nil {
		return err
	}
	if err := copyFile(path, to); err != nil {
		return err
	}
	if err := copyFile(log, to+"-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	after, err := os.Stat(path)
	if err != nil {
		return err
	}
	again, err := headOf(log)
	if err != nil {
		return err
	}
	if header != again || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) || !os.SameFile(before, after) {
		return errMoving
	}
	return nil
}

// headOf is a log's header; empty when there is no log, or nothing in it.
func headOf(log string) (string, error) {
	file, err := os.Open(log)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	head := make([]byte, walHeader)
	n, err := io.ReadFull(file, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return string(head[:n]), errors.Join(err, file.Close())
}
