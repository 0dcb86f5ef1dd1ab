package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
	"github.com/strangler-proxy/strangler/internal/process"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const baggageFlags = `{"flags": {
	"tickets/service": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
		"targeting": {"if": [{"==": [{"var": "headers.X-Beta"}, "yes"]}, "on", null]}},
	"new-search": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}
}}`

// TestServicesSeeTheSameWorld: a Django service and a Go service read the flags
// that decided from baggage; what the client put there is gone.
func TestServicesSeeTheSameWorld(t *testing.T) {
	t.Parallel()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(service.Flags(r))
	})
	goService, monolith := httptest.NewServer(answer), httptest.NewServer(answer)
	defer goService.Close()
	defer monolith.Close()
	django := startDjangoService(t)
	flagFile := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(flagFile, []byte(baggageFlags), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := testbed.StartStrangler(t, func(address, admin string) (caddyfile, routes string) {
		return testbed.Caddyfile(address, admin, "flags flagd_file "+flagFile), `
targets:
  monolith: { url: "` + monolith.URL + `" }
  go: { url: "` + goService.URL + `", owner: kb }
  django: { url: "http://` + django + `", owner: kb }
monolith: monolith
routes:
  - { name: go, match: /go, owner: kb, service: go, sticky: ip, flag: tickets/service, flag_attributes: [headers.X-Beta], baggage: [new-search], fallback: [] }
  - { name: django, match: /django, owner: kb, service: django, sticky: ip, flag: tickets/service, flag_attributes: [headers.X-Beta], baggage: [new-search], fallback: [] }
`
	})
	for _, path := range []string{"/go", "/django"} {
		forged := http.Header{
			"X-Beta":  {"yes"},
			"Baggage": {"user=1,strangler.flag.new-search=true,strangler.flag.admin=true", "STRANGLER.flag.admin=true, %73trangler.flag.admin=true"},
		}
		if got := flagsSeen(t, "http://"+proxy.Address+path, forged); !maps.Equal(got, map[string]bool{"tickets/service": true, "new-search": false}) {
			t.Errorf("%s sees %v", path, got)
		}
		forged.Del("X-Beta")
		if got := flagsSeen(t, "http://"+proxy.Address+path, forged); len(got) > 0 {
			t.Errorf("%s: the monolith sees %v", path, got)
		}
	}
}

func flagsSeen(t *testing.T, url string, header http.Header) (seen map[string]bool) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &seen); err != nil {
		t.Fatalf("%d %s: %v", answer.StatusCode, text, err)
	}
	return seen
}

// startDjangoService starts the example and waits until it answers.
func startDjangoService(t *testing.T) (address string) {
	t.Helper()
	address, err := process.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), testbed.Python(t), "../../examples/helpdesk/djangoservice/service.py", address)
	command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	command.Stderr = t.Output()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // t's context ends it
	deadline := time.Now().Add(30 * time.Second)
	for {
		answer, err := http.Get("http://" + address)
		if err == nil {
			_ = answer.Body.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}
