package testbed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/process"
)

// Helpdesk is the Django monolith with a seeded work folder of its own.
type Helpdesk struct {
	*Program
	// Dir is its work folder.
	Dir string
}

// StartHelpdesk starts the Django monolith. Each of settings is a line of Python
// that sets it up otherwise.
func StartHelpdesk(tb testing.TB, settings ...string) *Helpdesk {
	tb.Helper()
	python := Python(tb)
	h := &Helpdesk{Dir: tb.TempDir()}
	must(tb, os.CopyFS(h.Dir, os.DirFS(seeded(tb, python))))
	address := freeAddress(tb)
	command, err := helpdesk.Monolith(python, h.Dir, address)
	must(tb, err)
	if settings != nil {
		text := "from helpdesk.settings import *\n" + strings.Join(settings, "\n") + "\n"
		must(tb, os.WriteFile(filepath.Join(h.Dir, "othersettings.py"), []byte(text), 0o600))
		command.Env = append(command.Env, "DJANGO_SETTINGS_MODULE=othersettings", "PYTHONPATH="+h.Dir)
	}
	h.Program = start(tb, address, command, answers("http://"+address+"/v1/faq/1"))
	return h
}

// Database is the file that the monolith and the faq service work on.
func (h *Helpdesk) Database() string { return helpdesk.Database(h.Dir) }

// Python returns an interpreter that can run the monolith.
func Python(tb testing.TB) string {
	tb.Helper()
	python, err := findPython()
	if err != nil {
		missing(tb, err)
	}
	return python
}

var findPython = sync.OnceValues(func() (string, error) {
	return helpdesk.FindPython(context.Background())
})

var seed struct {
	sync.Mutex
	dir string
}

// seeded returns a seeded work folder to copy: making one takes a second.
func seeded(tb testing.TB, python string) string {
	tb.Helper()
	seed.Lock()
	defer seed.Unlock()
	if seed.dir == "" {
		dir, err := os.MkdirTemp("", "helpdesk-seed-")
		must(tb, err, helpdesk.SeedMonolith(context.Background(), python, dir))
		seed.dir = dir
	}
	return seed.dir
}

// RemoveSeed removes what tests of this process shared; TestMain calls it at
// the end.
func RemoveSeed() error {
	seed.Lock()
	defer seed.Unlock()
	if seed.dir == "" {
		return nil
	}
	return os.RemoveAll(seed.dir)
}

// StartFAQ starts the faq service on the monolith's database.
func StartFAQ(tb testing.TB, database string) *Program {
	tb.Helper()
	return startService(tb, "faq", database)
}

// StartTickets starts the tickets service on the monolith's database, with more
// arguments.
func StartTickets(tb testing.TB, database string, more ...string) *Program {
	tb.Helper()
	return startService(tb, "tickets", database, more...)
}

func startService(tb testing.TB, name, database string, more ...string) *Program {
	tb.Helper()
	address := freeAddress(tb)
	command := process.Command{
		Name: "the " + name + " service", Path: build(tb, "examples/helpdesk/"+name),
		Args: append([]string{"-db", filepath.Clean(database), "-listen", address}, more...),
	}
	return start(tb, address, command, answers("http://"+address+"/v1/"+name+"/1"))
}
