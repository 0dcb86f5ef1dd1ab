package caddymodule

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// TestCaddyfileExampleRuns starts the example, but for its ports and folders.
func TestCaddyfileExampleRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(text); string(formatted) != string(text) {
		t.Errorf("it is not formatted as `strangler fmt` does:\n%s", formatted)
	}
	table, err := filepath.Abs("../routes.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	config := strings.NewReplacer("localhost:2019", "ADMIN", "http://:8080", "http://SITE",
		"routes.example.yaml", table, "sqlite strangler.db", "sqlite DIR/strangler.db",
		"\tmetrics\n", "\tmetrics\n\tdefault_bind 127.0.0.1\n\tpersist_config off\n\tstorage file_system DIR\n").Replace(string(text))
	r.start(config)
	if a := r.get("/"); a.status != http.StatusBadGateway || !strings.HasPrefix(a.body, "Out of order") {
		t.Errorf("without a monolith: %+v", a)
	}
	if r.counted() == 0 {
		t.Error("the metrics have not counted the request")
	}
}
