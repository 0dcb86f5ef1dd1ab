// Package process starts the real programs of the tests and the demo, and
// makes sure that none of them outlives who started it: each is the leader of
// its own process group, which is ended as a whole, and on Linux the kernel
// ends it when the parent dies without a word.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ErrExited says that a program ended before it was ready.
var ErrExited = errors.New("ended before it was ready")

// Command says what to start.
type Command struct {
	// Name is what messages call the program; default Path.
	Name string
	// Path and Args are the program and its arguments.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Dir is where the program runs; default the current folder.
	Dir string
	// Output gets what the program writes to both its outputs; nil drops it.
	Output io.Writer
}

// Process is a program that runs, or has ended. Its methods may be called from
// several goroutines.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read it after done
}

// Start starts a program. The caller has to call Stop or Kill.
func Start(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...) //nolint:gosec,noctx // the program is the caller's; Stop ends it
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = c.Output, c.Output
	// A grandchild that keeps the pipe open must not hold up Wait.
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = attributes()
	if c.Name == "" {
		c.Name = c.Path
	}
	p := &Process{name: c.Name, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel's "parent died" is the end of the thread that forked, so
		// that thread belongs to this program until it has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	return p, nil
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the program ended; nil as long as it runs and when its exit
// code was 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Ready asks check again and again until it returns nil. It gives up when the
// program ends (ErrExited) or ctx does; the error then has the last answer.
func (p *Process) Ready(ctx context.Context, check func(context.Context) error) error {
	again := time.NewTicker(25 * time.Millisecond)
	defer again.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s %w: %w", p.name, ErrExited, errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.name, err)
		case <-again.C:
		}
	}
}

// Stop asks the program and its children to end (SIGTERM), waits as long as
// grace and then kills what is left. It returns an error when the program had
// to be killed.
func (p *Process) Stop(grace time.Duration) error {
	p.signalGroup(syscall.SIGTERM)
	defer p.Kill()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-p.done:
		return nil
	case <-patience.C:
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, grace)
	}
}

// Kill ends the program's whole group at once and waits for the program.
func (p *Process) Kill() {
	p.signalGroup(syscall.SIGKILL)
	<-p.done
}

// Interrupt does what Ctrl-C does in a terminal: the program and its children
// get SIGINT.
func (p *Process) Interrupt() { p.signalGroup(syscall.SIGINT) }

// Signal sends a signal to the program alone, if it still runs.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(s) // it ended meanwhile: nothing to do
	}
}

// signalGroup also reaches what the program left behind: the group's number
// stays taken as long as one of them lives, so it is nobody else's.
func (p *Process) signalGroup(s syscall.Signal) {
	_ = syscall.Kill(-p.PID(), s) // no such group: nothing to do
}

// Tail is a writer that keeps the end of what was written, for the message
// when something goes wrong. It is safe for concurrent use; the zero value
// keeps 16 KiB.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 16 << 10

// Write never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String returns the end of what was written.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
