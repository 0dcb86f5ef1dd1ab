package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/strangler-proxy/strangler/store"
)

// halfway is the new name of a damaged file that an earlier start was cut short in
// setting aside, with ErrCorrupt: it has its old name too, and perhaps no log
// any more, so that it may look sound.
func halfway(path string) (aside string, err error) {
	damaged, err := os.Stat(path)
	if err != nil {
		return "", nil //nolint:nilerr // opening it tells
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", nil //nolint:nilerr // the same
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), filepath.Base(path)+asideInfix) {
			continue
		}
		if info, err := entry.Info(); err == nil && os.SameFile(damaged, info) {
			return filepath.Join(filepath.Dir(path), entry.Name()), fmt.Errorf("%w: an earlier start was cut short while it set the file aside", store.ErrCorrupt)
		}
	}
	return "", nil
}

// exchange gives the damaged file its new name and fresh the old one. Whenever
// it is cut short, the next start finds the damaged file, or fresh.
func exchange(path, fresh, aside string) error {
	if err := os.Link(path, aside); err != nil { // there already, or not every file system has links
		if err := os.Rename(path, aside); err != nil {
			return err
		}
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} { // else they would count for fresh
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func removeDatabase(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-journal"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) { //nolint:gosec // beside the file that the operator names
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// free is the name, or the first of name-2, name-3, … that nobody has.
func free(name string) string {
	for i, candidate := 2, name; ; i++ {
		if _, err := os.Lstat(candidate); errors.Is(err, os.ErrNotExist) || i > 1000 {
			return candidate
		}
		candidate = fmt.Sprint(name, "-", i)
	}
}
