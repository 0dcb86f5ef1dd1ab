//go:build unix && !linux

package process

import "syscall"

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// EndWithParent does nothing here: only Linux tells of a parent's death.
func EndWithParent() {}
