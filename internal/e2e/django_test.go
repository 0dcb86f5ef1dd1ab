package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// The Django project's own tests, and no model without its migration.
func TestMonolithPassesItsOwnTests(t *testing.T) {
	t.Parallel()
	python := testbed.Python(t)
	root, err := helpdesk.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"test"}, {"makemigrations", "--check", "--dry-run"}} {
		manage := exec.CommandContext(t.Context(), python, append([]string{"manage.py"}, args...)...)
		manage.Dir = filepath.Join(root, "examples", "helpdesk", "monolith")
		manage.Env = append(manage.Environ(), "HELPDESK_DIR="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1")
		if out, err := manage.CombinedOutput(); err != nil {
			t.Errorf("manage.py %v: %v\n%s", args, err, out)
		}
	}
}
