package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/process"
)

// Strangler is the real binary with its two files in a folder of its own.
type Strangler struct {
	*Program
	// Dir holds Caddyfile, routes.yaml and what the proxy keeps.
	Dir string
	// Admin is where its admin API listens, host:port.
	Admin string
}

// Config makes the proxy's files: the Caddyfile of a proxy that listens on
// address with its admin API on admin, and the route table.
type Config func(address, admin string) (caddyfile, routes string)

// StartStrangler starts the proxy, with more of an environment.
func StartStrangler(tb testing.TB, config Config, env ...string) *Strangler {
	tb.Helper()
	s := &Strangler{Dir: tb.TempDir(), Admin: freeAddress(tb)}
	address := freeAddress(tb)
	caddyfile, routes := config(address, s.Admin)
	s.write(tb, "Caddyfile", caddyfile)
	s.write(tb, "routes.yaml", routes)
	command := process.Command{
		Name: "strangler", Path: Binary(tb), Dir: s.Dir, Env: append(s.env(), env...),
		Args: []string{"run", "--config", "Caddyfile", "--adapter", "caddyfile"},
	}
	listens, controllable := answers("http://"+address+"/"), answers("http://"+s.Admin+"/config/")
	s.Program = start(tb, address, command, func(ctx context.Context) error {
		return errors.Join(listens(ctx), controllable(ctx))
	})
	return s
}

// Caddyfile is the plain configuration of a proxy without TLS. Each line of
// app is one of the app's options.
func Caddyfile(address, admin string, app ...string) string {
	port := address[strings.LastIndex(address, ":"):]
	options := strings.Join(append([]string{"routes routes.yaml", "store sqlite strangler.db"}, app...), "\n\t\t")
	return `{
	admin ` + admin + `
	auto_https off
	persist_config off
	grace_period 5s
	strangler {
		` + options + `
	}
}
http://` + port + ` {
	bind 127.0.0.1
	strangler
}
`
}

// EditRoutes replaces the route table as editors do: a new file takes the old
// one's name.
func (s *Strangler) EditRoutes(tb testing.TB, routes string) {
	tb.Helper()
	s.write(tb, "routes.yaml.new", routes)
	must(tb, os.Rename(filepath.Join(s.Dir, "routes.yaml.new"), filepath.Join(s.Dir, "routes.yaml")))
}

// Reload loads a Caddyfile into the running proxy, as `strangler reload` does.
// A refused one is an error that has what the proxy said.
func (s *Strangler) Reload(tb testing.TB, caddyfile string) error {
	tb.Helper()
	s.write(tb, "Caddyfile", caddyfile)
	status, said := s.admin(tb, http.MethodPost, "/load", "text/caddyfile", caddyfile)
	if status != http.StatusOK {
		return fmt.Errorf("status %d: %s", status, said)
	}
	return nil
}

// Status asks the admin API how the proxy is.
func (s *Strangler) Status(tb testing.TB) (status engine.Status) {
	tb.Helper()
	_, said := s.admin(tb, http.MethodGet, "/strangler/status", "", "")
	must(tb, json.Unmarshal(said, &status))
	return status
}

// Ask asks the admin API for a path, and answers what it said.
func (s *Strangler) Ask(tb testing.TB, path string) (status int, said string) {
	tb.Helper()
	status, text := s.admin(tb, http.MethodGet, path, "", "")
	return status, string(text)
}

// Verb sends a verb to the admin API, which is faster than a command. What is
// refused fails the test. It answers what was said.
func (s *Strangler) Verb(tb testing.TB, verb, body string) []byte {
	tb.Helper()
	status, said := s.admin(tb, http.MethodPost, "/strangler/"+verb, "application/json", body)
	if status != http.StatusOK {
		tb.Fatalf("%s %s: status %d: %s", verb, body, status, said)
	}
	return said
}

// admin sends a request to the admin API. Each reload replaces that server,
// too, and may break a connection that was just made: then it is sent again.
func (s *Strangler) admin(tb testing.TB, method, path, contentType, body string) (status int, said []byte) {
	tb.Helper()
	var err error
	for range 3 {
		if status, said, err = s.adminOnce(method, path, contentType, body); err == nil {
			return status, said
		}
	}
	tb.Fatal(err)
	return 0, nil
}

func (s *Strangler) adminOnce(method, path, contentType, body string) (status int, said []byte, err error) {
	r, err := http.NewRequest(method, "http://"+s.Admin+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Close = true
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	said, err = io.ReadAll(response.Body)
	return response.StatusCode, said, errors.Join(err, response.Body.Close())
}

// WaitStatus waits until the proxy's status is as wanted.
func (s *Strangler) WaitStatus(tb testing.TB, what string, wanted func(engine.Status) bool) engine.Status {
	tb.Helper()
	var status engine.Status
	WaitFor(tb, what, func() bool {
		status = s.Status(tb)
		return wanted(status)
	})
	return status
}

// Route asks the admin API how much of a route goes to its service, and why.
func (s *Strangler) Route(tb testing.TB, name string) engine.RouteStatus {
	tb.Helper()
	var now engine.RolloutStatus
	_, said := s.admin(tb, http.MethodGet, "/strangler/rollout?route="+name, "", "")
	must(tb, json.Unmarshal(said, &now))
	if len(now.Routes) != 1 {
		tb.Fatalf("%d routes are called %s: %s", len(now.Routes), name, said)
	}
	return now.Routes[0]
}

// WaitRoute waits until a route's status is as wanted.
func (s *Strangler) WaitRoute(tb testing.TB, name, what string, wanted func(engine.RouteStatus) bool) engine.RouteStatus {
	tb.Helper()
	var route engine.RouteStatus
	WaitFor(tb, what, func() bool {
		route = s.Route(tb, name)
		return wanted(route)
	})
	return route
}

// Command runs a verb against this proxy and returns what it printed.
func (s *Strangler) Command(args ...string) (string, error) {
	return s.run(append(args, "--address", s.Admin)...)
}

// MustCommand is Command for a verb that has to work.
func (s *Strangler) MustCommand(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := s.Command(args...)
	must(tb, err)
	return out
}

// run returns the command's output; its error has both outputs.
func (s *Strangler) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command.Path, args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), s.env()...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), &CommandError{Args: args, Output: stdout.String() + stderr.String(), Err: err}
	}
	return stdout.String(), nil
}

// CommandError is a command that failed.
type CommandError struct {
	Args   []string
	Output string
	Err    error
}

func (e *CommandError) Error() string {
	return "strangler " + strings.Join(e.Args, " ") + ": " + e.Err.Error() + "\n" + e.Output
}

// Unwrap returns the *exec.ExitError.
func (e *CommandError) Unwrap() error { return e.Err }

func (s *Strangler) write(tb testing.TB, name, text string) {
	tb.Helper()
	must(tb, os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600))
}

// env keeps what Caddy stores in the home of who tests out of the test.
func (s *Strangler) env() []string {
	return []string{"XDG_CONFIG_HOME=" + s.Dir, "XDG_DATA_HOME=" + s.Dir, "HOME=" + s.Dir}
}

// Shadow asks the admin API how comparing goes.
func (s *Strangler) Shadow(tb testing.TB) (status engine.ShadowStatus) {
	tb.Helper()
	code, said := s.admin(tb, http.MethodGet, "/strangler/shadow", "", "")
	if code != http.StatusOK {
		tb.Fatalf("status %d: %s", code, said)
	}
	must(tb, json.Unmarshal(said, &status))
	return status
}
