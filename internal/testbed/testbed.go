// Package testbed starts real programs for tests on free ports of the loopback
// interface: the strangler binary, the Django helpdesk and its faq service.
//
// Every program is ready when its function returns, is ended with its whole
// process group when the test ends, and shows the end of its log when the test
// failed. A part that the machine lacks skips the test with the name of the
// package to install; with CI=true it fails it.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/process"
)

const (
	// readyWithin is how long a program may take to start on a slow machine.
	readyWithin = 60 * time.Second
	// stopWithin is how long it may take to end when it is asked to.
	stopWithin = 20 * time.Second
)

// Program is a program that a test started. Its methods are for the test's own
// goroutine.
type Program struct {
	// Address is where it listens, host:port.
	Address string

	t       testing.TB
	command process.Command
	check   func(context.Context) error
	log     *process.Tail
	process *process.Process
}

// start starts a program and waits until check finds it ready.
func start(tb testing.TB, address string, command process.Command, check func(context.Context) error) *Program {
	tb.Helper()
	p := &Program{Address: address, t: tb, command: command, check: check, log: &process.Tail{}}
	p.command.Output = p.log
	tb.Cleanup(p.end)
	p.Start()
	return p
}

// Start starts the program again after Kill or Stop.
func (p *Program) Start() {
	p.t.Helper()
	var err error
	if p.process, err = process.Start(p.command); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	if err := p.process.Ready(ctx, p.check); err != nil {
		p.t.Fatal(err)
	}
}

// Kill ends the program at once, as a crash would.
func (p *Program) Kill() { p.process.Kill() }

// Stop asks the program to end and fails the test when it does not.
func (p *Program) Stop() {
	p.t.Helper()
	if err := p.process.Stop(stopWithin); err != nil {
		p.t.Error(err)
	}
}

// Freeze makes the program hang: it keeps its connections and the kernel takes
// new ones, but nothing is answered until Thaw.
func (p *Program) Freeze() {
	p.t.Helper()
	p.process.Signal(syscall.SIGSTOP)
	// Each thread stops when it comes to it. Without /proc there is none to see.
	WaitFor(p.t, p.command.Name+" to hang", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID()))
		must(p.t, err)
		return !slices.ContainsFunc(threads, func(thread string) bool {
			stat, err := os.ReadFile(thread)
			return err == nil && !strings.Contains(string(stat), ") T ")
		})
	})
}

// Thaw lets a frozen program go on.
func (p *Program) Thaw() { p.process.Signal(syscall.SIGCONT) }

// PID returns the process ID.
func (p *Program) PID() int { return p.process.PID() }

// Log returns the end of what the program wrote to both its outputs.
func (p *Program) Log() string { return p.log.String() }

// URL returns the address of a path on the program.
func (p *Program) URL(path string) string { return "http://" + p.Address + path }

func (p *Program) end() {
	if p.process != nil {
		p.Thaw()
		p.process.Kill()
	}
	if strings.Contains(p.Log(), "WARNING: DATA RACE") {
		p.t.Errorf("%s has a data race", p.command.Name)
	}
	if p.t.Failed() {
		p.t.Logf("--- the end of the log of %s\n%s", p.command.Name, p.Log())
	}
}

// answers is a check: the address answers HTTP, whatever the status.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		request.Close = true
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	address, err := process.FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

// missing skips the test for want of a part, or fails it with CI=true.
func missing(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(err)
	}
	tb.Skip(err)
}

// must fails the test on an error.
func must(tb testing.TB, errs ...error) {
	tb.Helper()
	if err := errors.Join(errs...); err != nil {
		tb.Fatal(err)
	}
}

// WaitFor waits until a condition is true, and fails the test when that takes
// longer than a slow machine needs.
func WaitFor(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(readyWithin)
	for !condition() {
		select {
		case <-deadline:
			tb.Fatalf("waited %s in vain for: %s", readyWithin, what)
		case <-again.C:
		}
	}
}
