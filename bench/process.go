package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	ports "github.com/strangler-proxy/strangler/internal/process"
)

// stopTime is how long a process may take to end before it is killed.
const stopTime = 10 * time.Second

// pin is the subcommand pin CPUS COMMAND ARG…: it becomes COMMAND, limited to
// these cores from its first instruction on (the Go runtime counts them only
// once, at start), and killed when the run dies.
func pin(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: pin CPUS COMMAND ARG…")
	}
	cpus, err := integers("cpus", list(args[0]))
	if err != nil {
		return err
	}
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	runtime.LockOSThread()
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("cores %s: %w", args[0], err)
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	path, err := exec.LookPath(args[1])
	if err != nil {
		return err
	}
	return unix.Exec(path, args[1:], os.Environ())
}

// process is one that the run started.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.Reader
	// log is the file with what it says on stderr.
	log  string
	gone chan struct{} // closed when it has ended
}

// start runs a command on the given cores, in a process group of its own: a
// Ctrl-C is for the run, which then stops them in order. talk connects stdin
// and stdout; without it both go where stderr does.
func start(dir, name string, cpus []int, env []string, talk bool, command ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	words := make([]string, len(cpus))
	for i, cpu := range cpus {
		words[i] = strconv.Itoa(cpu)
	}
	p.cmd = exec.Command(self, slices.Concat([]string{"pin", strings.Join(words, ",")}, command)...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stderr = log
	if !talk {
		p.cmd.Stdout = log
	} else if err := p.connect(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

// connect makes the pipes.
func (p *process) connect() (err error) {
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	p.stdout, err = p.cmd.StdoutPipe()
	return err
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process: by the end of its stdin, by SIGTERM, and when it does
// not listen, by SIGKILL.
func (p *process) stop() {
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// lastWords is the end of what the process said.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	return string(text[max(0, len(text)-2000):])
}

// died wraps an error that may be due to the process having ended, or being
// about to.
func (p *process) died(err error) error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s has ended: %w\n%s", p.name, err, p.lastWords())
	case <-time.After(time.Second):
		return fmt.Errorf("%s: %w", p.name, err)
	}
}

// ready waits until the process answers a request with the origin's answer.
func (p *process) ready(ctx context.Context, address, path string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx, client, path)
		if err == nil {
			return nil
		}
		select {
		case <-p.gone:
			return p.died(err)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: %w\n%s", p.name, limit, err, p.lastWords())
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, client *http.Client, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+siteName+path, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get(armHeader) == "" {
		return fmt.Errorf("status %d, not from the origin", answer.StatusCode)
	}
	return nil
}

// freeAddresses are addresses on loopback that nobody listens on now.
func freeAddresses(n int) (addresses []string, err error) {
	addresses = make([]string, n)
	for i := range addresses {
		if addresses[i], err = ports.FreeAddress(); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}
