package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

// Binary returns the strangler binary of this checkout, built once per test
// process and with race detection when the test has it.
func Binary(tb testing.TB) string {
	tb.Helper()
	return build(tb, "cmd/strangler")
}

var built sync.Map // of packages to *building

type building struct {
	once sync.Once
	path string
	err  error
}

func build(tb testing.TB, pkg string) string {
	tb.Helper()
	entry, _ := built.LoadOrStore(pkg, &building{})
	b := entry.(*building)
	b.once.Do(func() { b.path, b.err = buildOnce(pkg) })
	must(tb, b.err)
	return b.path
}

// buildOnce leaves the binary in bin/test, where the go command finds it again
// and links it anew only when something changed.
func buildOnce(pkg string) (string, error) {
	root, err := helpdesk.Checkout()
	if err != nil {
		return "", err
	}
	name, args := filepath.Base(pkg), []string{"build"}
	if Race {
		name, args = name+"-race", append(args, "-race")
	}
	folder := filepath.Join(root, "bin", "test")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	// Tests of several packages run at the same time; one of them builds.
	lock, err := os.Create(filepath.Join(folder, name+".lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close() // gives up the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	cmd := exec.Command("go", append(args, "-o", path, "./"+pkg)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}
