// Package lockedfile reads a session's file that PHP writes in place, with a
// lock on it: PHP's own sessions are locked for as long as a request takes,
// Laravel's only while they are written.
//
// Nothing is written or made, and no symbolic link is followed out of the folder
// or as the file itself.
package lockedfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 1 << 20

var (
	// ErrBusy is a file that was written meanwhile.
	ErrBusy error = session.OwnError("the session's file is being written")
	// ErrTooLarge is a file above MaxSize.
	ErrTooLarge error = session.OwnError("a session's file of more than 1 MiB")
	// ErrKind is a symbolic link, a folder, a pipe.
	ErrKind error = session.OwnError("a session's file that is no regular file")
)

// A lock is tried again so often for so long; who waits is a request. The
// monolith waits no longer for our lock than a read of the file takes.
const (
	every  = 2 * time.Millisecond
	atMost = 20 * time.Millisecond
)

// File is what was read.
type File struct {
	Text string
	// Changed is when it was written last.
	Changed time.Time
	// Owner is the number of the user it belongs to; -1 where there are none.
	Owner int
	// Locked says that nobody wrote meanwhile. Else that is only likely: size
	// and time were the same before and after.
	Locked bool
}

// Read reads a file in a folder. The error is one of this package, wraps
// [fs.ErrNotExist] for the file or the folder, or is the file system's; it does
// not hold the name, which is a secret.
func Read(ctx context.Context, dir, name string) (file File, err error) {
	defer func() {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = fmt.Errorf("reading a session's file: %w", path.Err)
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = root.Close() }()
	named, err := root.Lstat(name)
	if err != nil {
		return File{}, err
	}
	if !named.Mode().IsRegular() {
		return File{}, ErrKind
	}
	f, err := root.OpenFile(name, openFlags, 0)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = f.Close() }() // gives up the lock
	if opened, err := f.Stat(); err != nil || !os.SameFile(named, opened) {
		return File{}, errors.Join(ErrBusy, err)
	}
	return read(ctx, f)
}

func read(ctx context.Context, f *os.File) (File, error) {
	locked := lock(ctx, f)
	before, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	owner, links := ownerAndLinks(before)
	switch {
	case ctx.Err() != nil:
		return File{}, ctx.Err()
	case links == 0:
		return File{}, fs.ErrNotExist // removed while its lock was waited for
	case before.Size() > MaxSize:
		return File{}, ErrTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return File{}, err
	}
	if len(data) > MaxSize {
		return File{}, ErrTooLarge
	}
	if !locked {
		after, err := f.Stat()
		if err != nil {
			return File{}, err
		}
		// PHP cuts the file before it writes, so an empty one may be half a write.
		if len(data) == 0 || int64(len(data)) != after.Size() || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
			return File{}, ErrBusy
		}
	}
	return File{Text: string(data), Changed: before.ModTime(), Owner: owner, Locked: locked}, nil
}

// lock tries to get a shared lock.
func lock(ctx context.Context, f *os.File) bool {
	if tryLock(f) {
		return true
	}
	again := time.NewTicker(every)
	defer again.Stop()
	enough := time.NewTimer(atMost)
	defer enough.Stop()
	for {
		select {
		case <-again.C:
			if tryLock(f) {
				return true
			}
		case <-enough.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
