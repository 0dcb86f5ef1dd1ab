package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// attacked is a proxy with all its outputs on, in front of Django, two services
// that believe nobody but the issuer, and one that says what it got.
type attacked struct {
	*site
	service *knowing
	rest    *testbed.Program
	store   *testbed.Program
	mirror  *httptest.Server
	spans   *recorder
}

// recorder keeps all that is sent to it.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = io.Copy(&r.text, request.Body)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func startAttacked(t *testing.T) *attacked {
	t.Helper()
	a := &attacked{service: newKnowing(t), rest: testbed.REST(t), spans: new(recorder), store: testbed.StartRedis(t)}
	a.mirror = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", "mirror-service")
		_ = json.NewEncoder(w).Encode(r.Header)
	}))
	t.Cleanup(a.mirror.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"another": "answer"}`) }))
	t.Cleanup(other.Close)
	broken := httptest.NewServer(http.HandlerFunc(failing))
	t.Cleanup(broken.Close)
	collector := httptest.NewServer(a.spans)
	t.Cleanup(collector.Close)
	a.site = &site{monolith: djangoCacheOn(t, a.store)}
	a.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		a.service.proxy = address
		return a.files(address, admin, other.URL, broken.URL)
	}, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50",
		"OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER=always_on", "APP_SECRET="+testbed.AppSecret)
	return a
}

func (a *attacked) files(address, admin, other, broken string) (caddyfile, table string) {
	sessions := strings.ReplaceAll(a.sessions, testbed.AppSecret, "{env.APP_SECRET}")
	caddyfile = testbed.Caddyfile(address, admin, "identity {\n issuer http://"+address+"\n bound "+bound.String()+"\n wait 2s\n login_url /login/\n remove_headers X-User\n "+sessions+"\n}")
	caddyfile = strings.Replace(caddyfile, "\tadmin", "\tmetrics\n\tlog {\n\t\toutput file main.log\n\t\tlevel DEBUG\n"+filtered+"\t}\n\tadmin", 1)
	caddyfile = strings.Replace(caddyfile, "\n\tstrangler\n", "\n\tlog {\n\t\toutput file access.log\n"+filtered+"\t}\n\ttracing\n\tstrangler\n", 1)
	return caddyfile, `
targets:
  monolith: { url: "http://` + a.Address + `" }
  s: { url: "` + a.service.URL + `" }
  rest: { url: "http://` + a.rest.Address + `" }
  mirror: { url: "` + a.mirror.URL + `" }
  other: { url: "` + other + `" }
  broken: { url: "` + broken + `" }
  down: { url: "http://127.0.0.1:1" }
monolith: monolith
routes:
  - { name: me, match: /me, service: s, percent: 100, owner: o, fallback: [connect], identity: { audience: desk } }
  - { name: rest, match: "/rest/{rest...}", service: rest, percent: 100, owner: o, fallback: [connect], identity: { audience: rest } }
  - { name: open, match: "/open/{rest...}", service: mirror, percent: 100, owner: o, fallback: [connect], identity: { token: optional, audience: mirror } }
  - { name: own, match: "/own/{rest...}", service: mirror, percent: 100, owner: o, fallback: [connect], identity: { token: optional, audience: own, header: X-Desk-Token } }
  - { name: must, match: "/must/{rest...}", service: mirror, percent: 100, owner: o, fallback: [connect], identity: { audience: mirror, anonymous: login } }
  - { name: who, match: GET /who, service: other, percent: 0, owner: o, fallback: [connect], shadow: { sample: 100 } }
  - { name: mirrored, match: "/mirrored/{rest...}", owner: o, shadow: { target: down } }
  - { name: mirrored-broken, match: "/elsewhere", owner: o, shadow: { target: broken } }
  - { name: dead, match: "/dead/{rest...}", service: down, percent: 100, owner: o, fallback: [] }
  - { name: aborted, match: "/aborted/{rest...}", service: broken, percent: 100, owner: o, fallback: [] }
`
}

// send sends a request with these headers in their very spelling, and follows no
// redirect.
func (a *attacked) send(t *testing.T, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.proxy.URL("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path
	r.Header = header
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// mirrored is what the mirror got of a request; nil when it got none.
func (a *attacked) mirrored(t *testing.T, path string, header http.Header) (got http.Header) {
	t.Helper()
	response, text := a.send(t, http.MethodGet, path, header)
	if response.Header.Get("X-Served-By") != "mirror-service" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// cookies are those of a browser, as a header's value.
func (p *person) cookies() string {
	p.t.Helper()
	at, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	pairs := make([]string, 0, 4)
	for _, cookie := range p.client.Jar.Cookies(at) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(pairs, "; ")
}

// session is the value of a browser's session cookie.
func (p *person) session() string {
	p.t.Helper()
	_, rest, _ := strings.Cut("; "+p.cookies(), "; sessionid=")
	value, _, _ := strings.Cut(rest, ";")
	return value
}

// outputs are all places that the proxy writes to, with what is there.
func (a *attacked) outputs(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"the spans": a.spans.String(), "standard error": a.proxy.Log()}
	for _, path := range []string{
		"/metrics", "/strangler/status", "/strangler/rollout", "/strangler/shadow", "/strangler/shadow/report?route=who", "/strangler/shadow/samples?route=who",
		"/strangler/rollout/history", "/strangler/table", "/strangler/routes", "/debug/vars",
	} {
		status, said := a.proxy.Ask(t, path)
		if status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, status, said)
		}
		all[path] = said
	}
	err := filepath.WalkDir(a.proxy.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[entry.Name()] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
