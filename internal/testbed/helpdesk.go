package testbed

import (
	"context"
	"os"
	"path/filepath"
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

// StartHelpdesk starts the Django monolith.
func StartHelpdesk(t testing.TB) *Helpdesk {
	t.Helper()
	python := Python(t)
	h := &Helpdesk{Dir: t.TempDir()}
	must(t, os.CopyFS(h.Dir, os.DirFS(seeded(t, python))))
	address := freeAddress(t)
	command, err := helpdesk.Monolith(python, h.Dir, address)
	must(t, err)
	h.Program = start(t, address, command, answers("http://"+address+"/v1/faq/1"))
	return h
}

// Database is the file that the monolith and the faq service work on.
func (h *Helpdesk) Database() string { return helpdesk.Database(h.Dir) }

// Python returns an interpreter that can run the monolith.
func Python(t testing.TB) string {
	t.Helper()
	python, err := findPython()
	if err != nil {
		missing(t, err)
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
func seeded(t testing.TB, python string) string {
	t.Helper()
	seed.Lock()
	defer seed.Unlock()
	if seed.dir == "" {
		dir, err := os.MkdirTemp("", "helpdesk-seed-")
		must(t, err, helpdesk.SeedMonolith(context.Background(), python, dir))
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
func StartFAQ(t testing.TB, database string) *Program {
	t.Helper()
	address := freeAddress(t)
	command := process.Command{
		Name: "the faq service", Path: build(t, "examples/helpdesk/faq"),
		Args: []string{"-db", filepath.Clean(database), "-listen", address},
	}
	return start(t, address, command, answers("http://"+address+"/v1/faq/1"))
}
