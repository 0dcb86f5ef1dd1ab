package process

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// EndWithParent asks the kernel to send this process SIGTERM when its parent
// dies, as when `go run` is killed, which tells its program nothing.
func EndWithParent() {
	parent := os.Getppid()
	err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0)
	if err == nil && os.Getppid() != parent { // it died before it was asked
		_ = unix.Kill(os.Getpid(), unix.SIGTERM) // to ourselves: cannot fail
	}
}
