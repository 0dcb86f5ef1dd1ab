package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// marker is in every folder that belongs to the demo, so that it never empties
// another.
const marker = ".helpdesk-demo"

// makeRunDir makes an empty folder for one run. It stays locked, so that no
// second demo empties it, until the file is closed.
func makeRunDir(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, err
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another demo runs in %s; stop it, or take another folder with -dir", relative(path)), dir.Close())
	}
	if err := empty(path); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// empty removes what an earlier run left behind.
func empty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(path, marker))
	if errors.Is(err, fs.ErrNotExist) && len(entries) > 0 {
		return fmt.Errorf("%s holds files that are not the demo's; take an empty folder", relative(path))
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(path, marker), []byte("made by examples/helpdesk/demo, emptied at every start\n"), 0o600)
}
