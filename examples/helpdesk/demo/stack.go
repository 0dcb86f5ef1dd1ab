package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
	"github.com/strangler-proxy/strangler/internal/process"
)

const (
	readyWithin = time.Minute
	stopWithin  = 10 * time.Second
)

// stack is everything that runs: monolith, services, receiver, proxy.
type stack struct {
	out       io.Writer
	root, dir string
	strangler string
	addresses helpdesk.Addresses
	// standin is true when the monolith is not Django.
	standin bool
	traffic int // requests a second

	parts []part // in the order of their start
	logs  []*os.File
	ended chan error // a part that ended by itself
	faq   int        // the faq service's process ID
}

// part is something that runs and can be stopped.
type part struct {
	name string
	stop func() error
}

func (s *stack) start(ctx context.Context) error {
	if _, err := os.Stat(s.strangler); err != nil {
		return fmt.Errorf("there is no %s yet; make build makes it", s.strangler)
	}
	if err := s.startMonolith(ctx); err != nil {
		return err
	}
	if s.standin {
		s.addresses.Database = "" // it has no table of sessions
	} else {
		s.addresses.Database = helpdesk.Database(s.dir)
	}
	caddyfile, routes := helpdesk.Config(s.addresses)
	// The copy lies elsewhere; editors still find the schema.
	routes = strings.Replace(routes, "$schema=../..", "$schema="+s.root, 1)
	for name, text := range map[string]string{"Caddyfile": caddyfile, "routes.yaml": routes} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	faq, err := s.startService(ctx, "faq", s.addresses.FAQ, "-first-build")
	if err != nil {
		return err
	}
	s.faq = faq.PID()
	if _, err := s.startService(ctx, "tickets", s.addresses.Tickets, "-issuer", "http://"+s.addresses.Proxy); err != nil {
		return err
	}
	if err := s.startHook(ctx); err != nil {
		return err
	}
	strangler, err := filepath.Abs(s.strangler)
	if err != nil {
		return err
	}
	_, err = s.startProcess(ctx, "strangler", s.addresses.Proxy, process.Command{
		Path: strangler, Dir: s.dir,
		Args: []string{"run", "--config", "Caddyfile", "--adapter", "caddyfile"},
		// What Caddy keeps for itself stays out of the home of who tries it.
		Env: []string{"XDG_CONFIG_HOME=" + s.dir, "XDG_DATA_HOME=" + s.dir},
	})
	return err
}

// startMonolith starts Django or, where that cannot run, the stand-in.
func (s *stack) startMonolith(ctx context.Context) error {
	python, err := helpdesk.FindPython(ctx)
	if errors.Is(err, helpdesk.ErrNoPython) {
		s.standin = true
		fmt.Fprintf(s.out, "NOT Django: a stand-in with the same pages and API, written in Go, is the monolith.\n(%v)\n", err)
		return s.startStandin(ctx)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Seeding and starting Django with %s …\n", python)
	if err := helpdesk.SeedMonolith(ctx, python, s.dir); err != nil {
		return err
	}
	command, err := helpdesk.Monolith(python, s.dir, s.addresses.Monolith)
	if err != nil {
		return err
	}
	command.Env = append(command.Env, "HELPDESK_SURVEY=1")
	_, err = s.startProcess(ctx, "monolith", s.addresses.Monolith, command)
	return err
}

func (s *stack) startStandin(ctx context.Context) error {
	log, err := s.openLog("monolith")
	if err != nil {
		return err
	}
	handler, err := helpdesk.Standin(ctx, s.dir, slog.New(slog.NewTextHandler(log, nil)), questions.OneInThirty)
	if err != nil {
		return err
	}
	return s.serve(ctx, "the stand-in", s.addresses.Monolith, handler, handler.Close)
}

// serve is a part that runs in this process; closed is called after its end.
func (s *stack) serve(ctx context.Context, name, address string, handler http.Handler, closed func() error) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return errors.Join(err, closed())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.ended <- fmt.Errorf("%s: %w", name, err)
		}
	}()
	s.parts = append(s.parts, part{name, func() error { return errors.Join(server.Close(), closed()) }})
	return nil
}

// startService builds and starts one of the services.
func (s *stack) startService(ctx context.Context, name, address string, more ...string) (*process.Process, error) {
	binary := filepath.Join(s.root, "bin", "helpdesk-"+name)
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./examples/helpdesk/"+name)
	build.Dir = s.root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the %s service: %w\n%s", name, err, out)
	}
	return s.startProcess(ctx, name, address, process.Command{
		Path: binary, Args: append([]string{"-db", helpdesk.Database(s.dir), "-listen", address}, more...),
	})
}

// startProcess starts a program and waits until it answers on its address.
func (s *stack) startProcess(ctx context.Context, name, address string, command process.Command) (*process.Process, error) {
	log, err := s.openLog(name)
	if err != nil {
		return nil, err
	}
	command.Name, command.Output = name, log
	p, err := process.Start(command)
	if err != nil {
		return nil, err
	}
	s.parts = append(s.parts, part{name, func() error { return p.Stop(stopWithin) }})
	ready, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err = p.Ready(ready, func(ctx context.Context) error { return answers(ctx, "http://"+address+paths[name]) })
	if err != nil {
		return nil, fmt.Errorf("%w; its log is %s", err, log.Name())
	}
	go func() {
		<-p.Done()
		s.ended <- &endedError{part: name, log: log.Name(), err: p.Err()}
	}()
	return p, nil
}

// endedError is a part that ended by itself.
type endedError struct {
	part, log string
	err       error // nil: it said that all is well
}

func (e *endedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("%s ended; its log is %s", e.part, e.log)
	}
	return fmt.Sprintf("%s ended (%v); its log is %s", e.part, e.err, e.log)
}

func (e *endedError) Unwrap() error { return e.err }

// paths are what each part is asked to see whether it answers.
var paths = map[string]string{"monolith": "/v1/faq/1", "faq": "/v1/faq/1", "tickets": "/v1/tickets/1", "strangler": "/v1/faq/1"}

// answers returns nil when the address answers with 200.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", address, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

func (s *stack) openLog(name string) (*os.File, error) {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err == nil {
		s.logs = append(s.logs, log)
	}
	return log, err
}

// stop ends the parts, the proxy first, so that nobody sees the others go.
func (s *stack) stop() error {
	var errs []error
	for _, p := range slices.Backward(s.parts) {
		if err := p.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stopping %s: %w", p.name, err))
		}
	}
	for _, log := range s.logs {
		errs = append(errs, log.Close())
	}
	fmt.Fprintln(s.out, "Everything is stopped.")
	return errors.Join(errs...)
}
