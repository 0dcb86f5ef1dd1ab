// Command demo shows Strangler at work: it starts the helpdesk (a Django
// monolith, two Go services cut out of it) and the proxy between you and all
// that, brings traffic, receives webhooks, and says what to try. `make demo`
// runs it.
//
//	-ports free     take free ports instead of 8080, 2019, 8000 and 8101 to 8103; also DEMO_PORTS=free
//	-traffic N      how often a second somebody looks at the tickets; default 50, 0 is never
//	-dir FOLDER     keep files, state and logs there; default examples/helpdesk/run
//	-strangler FILE the binary; default bin/strangler
//
// It ends what it started when it is interrupted, and when it is killed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/process"
)

// options are what the command line says.
type options struct {
	ports, dir, strangler string
	traffic               int
}

func main() {
	process.EndWithParent()
	root, err := helpdesk.Checkout()
	if err != nil {
		fail(err)
	}
	var o options
	flag.StringVar(&o.ports, "ports", os.Getenv("DEMO_PORTS"), "`free` takes free ports instead of the default ones")
	flag.StringVar(&o.dir, "dir", relative(filepath.Join(root, "examples", "helpdesk", "run")), "`folder` for files, state and logs")
	flag.StringVar(&o.strangler, "strangler", relative(filepath.Join(root, "bin", "strangler")), "the `binary`")
	flag.IntVar(&o.traffic, "traffic", 50, "how often a second somebody looks at the tickets: `N` from 0 to 1000")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A second Ctrl-C does not wait.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Stdout, root, o); err != nil {
		stop()
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "demo:", err)
	os.Exit(1)
}

// relative is how a person in the current folder writes a path.
func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// run starts everything, shows it, and ends everything when ctx ends or a part
// of it does.
func run(ctx context.Context, out io.Writer, root string, o options) (err error) {
	if o.traffic < 0 || o.traffic > 1000 {
		return fmt.Errorf("-traffic %d is not from 0 to 1000", o.traffic)
	}
	addresses, err := choosePorts(o.ports)
	if err != nil {
		return err
	}
	path, err := filepath.Abs(o.dir) // the parts run in other folders
	if err != nil {
		return err
	}
	dir, err := makeRunDir(path)
	if err != nil {
		return err
	}
	defer dir.Close() // gives up the lock
	s := &stack{out: out, root: root, dir: dir.Name(), strangler: o.strangler, addresses: addresses, traffic: o.traffic, ended: make(chan error, 5)}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted while starting
		}
		return err
	}
	s.explain()
	return s.watch(ctx)
}

// choosePorts says where to listen, and which of the default ports are taken.
func choosePorts(ports string) (helpdesk.Addresses, error) {
	switch ports {
	case "free":
		return helpdesk.FreeAddresses()
	case "", "default":
	default:
		return helpdesk.Addresses{}, fmt.Errorf("-ports %q is neither default nor free", ports)
	}
	a := helpdesk.DefaultAddresses()
	var taken []error
	for _, part := range []struct{ name, address string }{
		{"the proxy", a.Proxy}, {"the proxy's admin API", a.Admin}, {"the monolith", a.Monolith}, {"the faq service", a.FAQ},
		{"the tickets service", a.Tickets}, {"the receiver of webhooks", a.Webhook},
	} {
		if err := process.Free(part.address); err != nil {
			taken = append(taken, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	if taken != nil {
		return a, fmt.Errorf("%w\nstop what listens there, or take free ports: make demo DEMO_FLAGS='-ports free'", errors.Join(taken...))
	}
	return a, nil
}
