package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/internal/process"
)

func TestMain(m *testing.M) {
	caddy.RegisterModule(new(refusing))
	caddy.RegisterModule(heard{})
	code := m.Run()
	// Caddy ends its admin endpoint when the next configuration comes.
	if err := errors.Join(caddy.Load([]byte(`{"admin":{"disabled":true,"config":{"persist":false}}}`), true), caddy.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	err := goleak.Find( // but for what Caddy's own packages leave behind
		goleak.IgnoreTopFunction("github.com/DeRuina/timberjack.(*Logger).millRun"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// oneServer is held by the test whose configuration is Caddy's: there is one a process.
var oneServer sync.Mutex

// rig is a running server with a monolith and a service, all in this process.
type rig struct {
	t                 *testing.T
	dir, admin, site  string
	monolith, service *httptest.Server
	client            *http.Client
}

const (
	plainCaddyfile = `{
	admin ADMIN
	default_bind 127.0.0.1
	persist_config off
	storage file_system DIR
	grace_period 5s
	strangler {
		routes DIR/routes.yaml
		store sqlite DIR/state.db
	}
	metrics
	servers {
		timeouts {
			read_body_idle -1s
		}
	}
}
http://SITE {
	header >X-Arm "{strangler.arm} {strangler.reason}"
	strangler
}
`
	plainRoutes = `
targets:
  monolith: { url: "MONOLITH" }
  faq: { url: "SERVICE", owner: kb }
monolith: monolith
routes:
  - name: faq-read
    match: /v1/faq/{id}
    owner: kb
    service: faq
    sticky: header:X-User
    fallback: [connect, 503]
`
)

// newRig makes monolith, service and route table; load starts the server.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t: t, dir: t.TempDir(), admin: freeAddress(t), site: freeAddress(t),
		monolith: httptest.NewServer(says("monolith")), service: httptest.NewServer(says("faq")),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second},
	}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		r.monolith.Close()
		r.service.Close()
	})
	r.routes(plainRoutes)
	return r
}

// says is a target that says its name and what it was asked.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := r.Header.Get("X-Want-Status"); status == "503" && name != "monolith" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintf(w, "%s %s %s", name, r.Method, r.URL.RequestURI())
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := process.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// fill puts the rig's addresses into a text.
func (r *rig) fill(text string) string {
	return strings.NewReplacer("ADMIN", r.admin, "SITE", r.site, "DIR", r.dir,
		"MONOLITH", r.monolith.URL, "SERVICE", r.service.URL).Replace(text)
}

// routes writes the route table as an editor does.
func (r *rig) routes(text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, "routes.yaml")
	if err := os.WriteFile(path+".new", []byte(r.fill(text)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		r.t.Fatal(err)
	}
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := writeFileTo(filepath.Join(dir, name), text); err != nil {
		t.Fatal(err)
	}
}

func writeFileTo(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// json is the configuration that a Caddyfile becomes.
func (r *rig) json(caddyfile string) []byte {
	r.t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(r.fill(caddyfile)), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return config
}

// load loads a configuration; the first one makes Caddy this test's.
func (r *rig) load(config []byte) error {
	r.t.Helper()
	return caddy.Load(config, true)
}

// start loads the first configuration and stops the server when the test ends.
func (r *rig) start(caddyfile string) {
	r.t.Helper()
	oneServer.Lock()
	r.t.Cleanup(oneServer.Unlock)
	r.t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			r.t.Error(err)
		}
		engines.Range(func(key, _ any) bool {
			r.t.Errorf("the engine of %v is still held", key)
			return true
		})
		states.Range(func(key, _ any) bool {
			r.t.Errorf("the state of %v is still held", key)
			return true
		})
	})
	if err := r.load(r.json(caddyfile)); err != nil {
		r.t.Fatal(err)
	}
}

// answer is an answer whose body was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request to the site.
func (r *rig) ask(method, path string, header map[string]string, body io.Reader) answer {
	r.t.Helper()
	a, err := r.do("http://"+r.site+path, method, header, body)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) get(path string) answer {
	r.t.Helper()
	return r.ask(http.MethodGet, path, map[string]string{"X-User": "u1"}, nil)
}

// do sends a request, and again when there was no answer at all. While Caddy
// changes its servers, a connection that is just being made may be reset by the
// kernel (SO_REUSEPORT), or closed by net/http, which reads no first request
// once it shuts down; what clients then do is ask again.
func (r *rig) do(url, method string, header map[string]string, body io.Reader) (answer, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return answer{}, err
	}
	for name, value := range header {
		request.Header.Set(name, value)
		if name == "Host" {
			request.Host = value
		}
	}
	response, err := r.client.Do(request)
	for n := 0; n < 3 && err != nil && body == nil; n++ {
		response, err = r.client.Do(request)
	}
	if err != nil {
		return answer{}, err
	}
	data, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(data)}, errors.Join(err, response.Body.Close())
}

// call sends a request to the admin API; a body makes it a POST.
func (r *rig) call(path string, body any) answer {
	r.t.Helper()
	method, content, header := http.MethodGet, io.Reader(nil), map[string]string{}
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		method, content, header = http.MethodPost, bytes.NewReader(data), map[string]string{"Content-Type": "application/json"}
	}
	a, err := r.do("http://"+r.admin+path, method, header, content)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// must is call for what has to work; the answer is decoded into v.
func (r *rig) must(path string, body, v any) {
	r.t.Helper()
	a := r.call(path, body)
	if a.status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		r.t.Fatalf("%s: %v in %s", path, err, a.body)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// refusing is an app that refuses its configuration at the step it is told.
type refusing struct {
	At string `json:"at"`
}

func (*refusing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "refusing", New: func() caddy.Module { return new(refusing) }}
}

func (r *refusing) at(step string) error {
	if r.At == step {
		return errors.New("refused at " + step)
	}
	return nil
}

func (r *refusing) Provision(caddy.Context) error { return r.at("provision") }
func (r *refusing) Validate() error               { return r.at("validate") }
func (r *refusing) Start() error                  { return r.at("start") }
func (*refusing) Stop() error                     { return nil }
