// Package helpdesk holds what the demo and the tests share of the example: a
// monolith in Django (monolith/), a stand-in for machines without it
// (standin/), the first service cut out of it (faq/), and the two files of the
// proxy in front.
package helpdesk

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/strangler-proxy/strangler/examples/helpdesk/standin"
	"github.com/strangler-proxy/strangler/internal/process"
)

var (
	//go:embed Caddyfile
	plainCaddyfile string
	//go:embed routes.yaml
	plainRoutes string
	//go:embed monolith/demo_data.json monolith/static
	files embed.FS
)

// Packages are the Debian packages that the monolith runs on.
const Packages = "python3-django python3-django-channels daphne"

// ErrNoPython says that no interpreter on this machine can run the monolith.
var ErrNoPython = errors.New("no Python for the monolith")

// Addresses are where the parts listen, as host:port.
type Addresses struct {
	Proxy, Admin, Monolith, FAQ, Tickets string
	// Webhook is where the receiver of webhooks listens. Empty: there is none.
	Webhook string
	// Database is the monolith's, whose sessions the proxy reads. Empty: it reads
	// none, and there is no route that needs to know who is signed in.
	Database string
}

// DefaultAddresses are those of the files as they are in the repository.
func DefaultAddresses() Addresses {
	return Addresses{
		Proxy: "127.0.0.1:8080", Admin: "127.0.0.1:2019", Monolith: "127.0.0.1:8000",
		FAQ: "127.0.0.1:8101", Tickets: "127.0.0.1:8102", Webhook: "127.0.0.1:8103",
		Database: "helpdesk.sqlite3",
	}
}

// FreeAddresses are addresses on which nobody listens now.
func FreeAddresses() (a Addresses, err error) {
	taken := map[string]bool{}
	for _, field := range []*string{&a.Proxy, &a.Admin, &a.Monolith, &a.FAQ, &a.Tickets, &a.Webhook} {
		for *field == "" || taken[*field] {
			if *field, err = process.FreeAddress(); err != nil {
				return Addresses{}, err
			}
		}
		taken[*field] = true
	}
	return a, nil
}

// WebhookSecret is what the Caddyfile signs webhooks with.
const WebhookSecret = "whsec_ZGVtby1rZXktdGhhdC1wcm90ZWN0cy1ub3RoaW5n"

// What the Caddyfile says of the webhook and of the identity, and the route that
// needs it.
var (
	webhook  = regexp.MustCompile(`(?s)\n\n\t\t# Is told .*?\n\t\t}`)
	identity = regexp.MustCompile(`(?s)\n\n\t\t# Who is signed in .*?\n\t\t}`)
	me       = regexp.MustCompile(`(?s)\n\n  # Who am I.*?\n    fallback: \[\]`)
)

// Config returns the proxy's Caddyfile and routes.yaml with these addresses.
func Config(a Addresses) (caddyfile, routes string) {
	plain, caddyfile, table := DefaultAddresses(), plainCaddyfile, plainRoutes
	if a.Database == "" {
		caddyfile, table = identity.ReplaceAllString(caddyfile, ""), me.ReplaceAllString(table, "")
	}
	if a.Webhook == "" {
		caddyfile = webhook.ReplaceAllString(caddyfile, "")
	}
	site := func(address string) string { return "http://" + address[strings.LastIndex(address, ":"):] + " {" }
	adapt := strings.NewReplacer(
		site(plain.Proxy), site(a.Proxy), plain.Proxy, a.Proxy, plain.Database, a.Database, plain.Admin, a.Admin, plain.Monolith, a.Monolith, plain.FAQ, a.FAQ,
		plain.Tickets, a.Tickets, plain.Webhook, a.Webhook)
	return adapt.Replace(caddyfile), adapt.Replace(table)
}

// FindPython returns an interpreter that can run the monolith, or ErrNoPython.
// HELPDESK_PYTHON names one; "none" says to look for none.
func FindPython(ctx context.Context) (string, error) {
	candidates, where := []string{"/usr/bin/python3", "python3"}, "no Python here"
	switch named := os.Getenv("HELPDESK_PYTHON"); named {
	case "":
	case "none":
		return "", fmt.Errorf("%w: HELPDESK_PYTHON=none asks for none; unset it for Django, on Debian: apt-get install %s", ErrNoPython, Packages)
	default:
		candidates, where = []string{named}, "HELPDESK_PYTHON="+named+" is none that"
	}
	for _, candidate := range candidates {
		if exec.CommandContext(ctx, candidate, "-c", "import django, channels, daphne").Run() == nil {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%w: %s has Django, channels and daphne; on Debian: apt-get install %s", ErrNoPython, where, Packages)
}

// SeedMonolith brings the work folder dir to the state everything starts from.
func SeedMonolith(ctx context.Context, python, dir string) error {
	source, err := monolithSource()
	if err != nil {
		return err
	}
	seed := exec.CommandContext(ctx, python, "manage.py", "seed")
	seed.Dir = source
	seed.Env = append(os.Environ(), monolithEnv(dir)...)
	if out, err := seed.CombinedOutput(); err != nil {
		return fmt.Errorf("seeding the monolith: %w\n%s", err, out)
	}
	return nil
}

// Monolith is the command that serves the Django project on address, with a
// work folder that was seeded.
func Monolith(python, dir, address string) (process.Command, error) {
	source, err := monolithSource()
	if err != nil {
		return process.Command{}, err
	}
	host, port, _ := strings.Cut(address, ":")
	return process.Command{
		Name: "the Django monolith", Path: python, Dir: source, Env: monolithEnv(dir),
		Args: []string{"-m", "daphne", "-b", host, "-p", port, "helpdesk.asgi:application"},
	}, nil
}

// Database is the monolith's database in its work folder.
func Database(dir string) string { return filepath.Join(dir, "helpdesk.sqlite3") }

// Standin returns the stand-in for the monolith, with an empty work folder. A survey
// says who is asked whether an answer helped; nil: nobody, and nothing of it is there.
func Standin(ctx context.Context, dir string, logger *slog.Logger, survey func() bool) (*standin.Monolith, error) {
	data, err := files.ReadFile("monolith/demo_data.json")
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(files, "monolith/static")
	if err != nil {
		return nil, err
	}
	return standin.New(ctx, standin.Options{Dir: dir, Data: data, Static: static, Logger: logger, Survey: survey})
}

// Checkout returns the folder of the repository that holds the current folder.
func Checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for up := dir; ; up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, "examples", "helpdesk", "monolith", "manage.py")); err == nil {
			return up, nil
		}
		if up == filepath.Dir(up) {
			return "", fmt.Errorf("%s is not inside the repository, where examples/helpdesk/monolith is", dir)
		}
	}
}

func monolithSource() (string, error) {
	root, err := Checkout()
	return filepath.Join(root, "examples", "helpdesk", "monolith"), err
}

// monolithEnv leaves no bytecode in the checkout.
func monolithEnv(dir string) []string {
	return []string{"HELPDESK_DIR=" + dir, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"}
}
