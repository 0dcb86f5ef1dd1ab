//go:build unix

package proxy

import "syscall"

// leanWorks: a connection can be looked at without waiting.
const leanWorks = true

// silent reports whether a non-blocking socket is open and has nothing to read.
// A byte that is there is taken, which does no harm: the connection is closed.
func silent(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	return err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
}
