package testbed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

// Node is a Node.js and the environment that it finds the packages of one of our
// apps in.
type Node struct {
	Path string
	Env  []string
}

// FindNode answers a Node.js that has the packages of apps/express. They are
// installed on the first use, in the user's cache folder, as the lock file there
// pins them.
func FindNode(tb testing.TB) Node {
	tb.Helper()
	found, err := findNode()
	if err != nil {
		missing(tb, err)
	}
	return found
}

// PactVerifier answers a command that verifies a Pact file against the service at
// an address, by the verifier of the Pact foundation: it ends with 0 when the
// service keeps the contract.
func PactVerifier(ctx context.Context, tb testing.TB, file, address string) *exec.Cmd {
	tb.Helper()
	node, err := findPact()
	if err != nil {
		missing(tb, err)
	}
	apps, err := appsFolder()
	must(tb, err)
	command := node.Command(ctx, filepath.Join(apps, "pact", "verify.js"), file, "http://"+address)
	command.Env = append(command.Env, "PACT_DO_NOT_TRACK=true") // it would tell its makers
	return command
}

// Command answers a command that runs a script.
func (n Node) Command(ctx context.Context, script string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, n.Path, append([]string{script}, args...)...)
	command.Env = append(os.Environ(), n.Env...)
	return command
}

var (
	findNode = sync.OnceValues(func() (Node, error) { return nodeWith("express") })
	findPact = sync.OnceValues(func() (Node, error) { return nodeWith("pact") })
)

// nodeWith has the packages of an app.
func nodeWith(app string) (Node, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return Node{}, errors.New("node is not here; tools/deps.sh installs it")
	}
	apps, err := appsFolder()
	if err != nil {
		return Node{}, err
	}
	modules, err := install(filepath.Join(apps, app))
	if err != nil {
		return Node{}, fmt.Errorf("installing the packages of %s for the tests: %w", app, err)
	}
	return Node{Path: node, Env: []string{"NODE_PATH=" + modules, "NODE_ENV=test"}}, nil
}

// appsFolder is where the applications of the test bed are.
func appsFolder() (string, error) {
	root, err := helpdesk.Checkout()
	return filepath.Join(root, "internal", "testbed", "apps"), err
}

// install answers the folder of packages that a lock file pins. It is named by
// the lock file's hash, so that it never changes once it is there.
func install(app string) (string, error) {
	lock, err := os.ReadFile(filepath.Join(app, "package-lock.json"))
	if err != nil {
		return "", err
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	folder := filepath.Join(caches, "strangler-testbed", filepath.Base(app)+"-"+hex.EncodeToString(sum[:6]))
	modules := filepath.Join(folder, "node_modules")
	if err := os.MkdirAll(filepath.Dir(folder), 0o750); err != nil {
		return "", err
	}
	// Tests of several packages run at the same time; one of them installs.
	guard, err := os.Create(folder + ".lock")
	if err != nil {
		return "", err
	}
	defer guard.Close() // gives up the lock
	if err := syscall.Flock(int(guard.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	return modules, installInto(folder, app)
}

// installInto has all of the packages in the folder, or no folder.
func installInto(folder, app string) error {
	const most = 5 * time.Minute
	half := folder + ".half"
	if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o750)); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		content, err := os.ReadFile(filepath.Join(app, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(half, name), content, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = half
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return os.Rename(half, folder)
}
