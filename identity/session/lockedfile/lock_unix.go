//go:build unix

package lockedfile

import (
	"io/fs"
	"os"
	"syscall"
)

// A pipe that took the file's name must not make the open wait.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK

func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil
}

func ownerAndLinks(info fs.FileInfo) (owner int, links uint64) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, 1
	}
	return int(stat.Uid), uint64(stat.Nlink) //nolint:unconvert // its type differs by system
}
