package testbed

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// StartStrangler starts the proxy.
func StartStrangler(t testing.TB, config Config) *Strangler {
	t.Helper()
	s := &Strangler{Dir: t.TempDir(), Admin: freeAddress(t)}
	address := freeAddress(t)
	caddyfile, routes := config(address, s.Admin)
	s.write(t, "Caddyfile", caddyfile)
	s.write(t, "routes.yaml", routes)
	command := process.Command{
		Name: "strangler", Path: Binary(t), Dir: s.Dir, Env: s.env(),
		Args: []string{"run", "--config", "Caddyfile", "--adapter", "caddyfile"},
	}
	listens, controllable := answers("http://"+address+"/"), answers("http://"+s.Admin+"/config/")
	s.Program = start(t, address, command, func(ctx context.Context) error {
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
func (s *Strangler) EditRoutes(t testing.TB, routes string) {
	t.Helper()
	s.write(t, "routes.yaml.new", routes)
	must(t, os.Rename(filepath.Join(s.Dir, "routes.yaml.new"), filepath.Join(s.Dir, "routes.yaml")))
}

// Reload loads a Caddyfile into the running proxy. A refused one is an error
// that has what the command said.
func (s *Strangler) Reload(t testing.TB, caddyfile string) error {
	t.Helper()
	s.write(t, "Caddyfile", caddyfile)
	_, err := s.run("reload", "--config", "Caddyfile", "--adapter", "caddyfile", "--address", s.Admin)
	return err
}

// Command runs a verb against this proxy and returns what it printed.
func (s *Strangler) Command(args ...string) (string, error) {
	return s.run(append(args, "--address", s.Admin)...)
}

// MustCommand is Command for a verb that has to work.
func (s *Strangler) MustCommand(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.Command(args...)
	must(t, err)
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

func (s *Strangler) write(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600))
}

// env keeps what Caddy stores in the home of who tests out of the test.
func (s *Strangler) env() []string {
	return []string{"XDG_CONFIG_HOME=" + s.Dir, "XDG_DATA_HOME=" + s.Dir, "HOME=" + s.Dir}
}
