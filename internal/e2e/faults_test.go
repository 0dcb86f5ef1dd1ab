package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
)

// fault is what a faulty service does with a request that it has read.
type fault string

const (
	healthy   fault = "healthy"
	busy      fault = "answers 503"
	resetting fault = "resets mid-header"
	cutting   fault = "breaks off in the body"
	hanging   fault = "hangs"
)

// faulty is a service that can be told to misbehave.
type faulty struct {
	*upstream.Server
	does atomic.Value // fault
}

func newFaulty(t *testing.T, does fault) *faulty {
	t.Helper()
	f := &faulty{}
	f.does.Store(does)
	f.Server = upstream.Start(t, f.serve)
	return f
}

// serve answers one request of a connection.
func (f *faulty) serve(c *upstream.Conn) {
	request, err := c.Request()
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return
	}
	switch f.does.Load() {
	case busy:
		c.Say("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy")
	case resetting:
		c.Say("HTTP/1.1 200 OK\r\nContent-Le")
		c.Reset()
	case cutting:
		c.Say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
	case hanging:
		c.WaitClosed()
	case healthy:
		c.Say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\nservice")
	}
}

// faultTable has the same service behind a route that falls back, whose reads
// are safe to repeat, and behind one that may not fall back at all. A route of
// another target is there to be untouched.
func faultTable(monolith, service string) string {
	return fmt.Sprintf(`
targets:
  monolith: { url: %q }
  faq:
    url: %q
    breaker: { failures: 3, open_for: 5s }
  alone:
    url: %q
monolith: monolith
routes:
  - name: faq
    match: /faq/{rest...}
    owner: kb
    service: faq
    percent: 100
    timeout: 500ms
    fallback: [connect, error, timeout, 502, 503, 504]
  - name: alone
    match: /alone/{rest...}
    owner: kb
    service: alone
    percent: 100
    timeout: 500ms
    fallback: []
`, monolith, service, service)
}

// said is what a client saw.
type said struct {
	status int
	body   string
	err    error
	took   time.Duration
}

func ask(t *testing.T, method, url string) said {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("a new question")
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return said{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return said{status: response.StatusCode, body: string(text), err: err, took: time.Since(began)}
}

func breakerOf(s engine.Status, name string) string {
	for _, target := range s.Targets {
		if target.Name == name {
			return target.Breaker
		}
	}
	return "no such target"
}

// What a client sees of each fault: the monolith's answer where asking twice
// is safe, an error where it is not, and no fault that looks like an answer.
func TestFaultsOfTheService(t *testing.T) {
	t.Parallel()
	monolith := echo(t, "monolith")
	for _, c := range []struct {
		does      fault
		get, post string // "monolith", "service", or a status
	}{
		{does: healthy, get: "service", post: "service"},
		{does: busy, get: "monolith", post: "503"},
		{does: resetting, get: "monolith", post: "502"},
		{does: hanging, get: "monolith", post: "504"},
	} {
		t.Run(string(c.does), func(t *testing.T) {
			t.Parallel()
			service := newFaulty(t, c.does)
			proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
				return testbed.Caddyfile(address, admin), faultTable(monolith, service.URL)
			})
			wantSaid(t, "GET", ask(t, "GET", proxy.URL("/faq/1")), c.get)
			before := service.Requests()
			wantSaid(t, "POST", ask(t, "POST", proxy.URL("/faq/create")), c.post)
			if n := service.Requests() - before; n != 1 {
				t.Errorf("the service was asked %d times for one POST", n)
			}
			if c.get == "monolith" { // the same fault where the monolith may not answer
				if got := ask(t, "GET", proxy.URL("/alone/1")); got.err != nil || got.status < 500 {
					t.Errorf("GET without fallback: %d %q %v, want an error", got.status, got.body, got.err)
				}
			}
		})
	}
}

func wantSaid(t *testing.T, what string, got said, want string) {
	t.Helper()
	if got.err != nil {
		t.Errorf("%s: %v", what, got.err)
		return
	}
	if name, _, _ := strings.Cut(got.body, " "); name == want && got.status == http.StatusOK {
		return
	}
	if fmt.Sprint(got.status) != want {
		t.Errorf("%s: %d %q, want %s", what, got.status, got.body, want)
	}
	if got.took > 5*time.Second {
		t.Errorf("%s took %s", what, got.took)
	}
}

// An answer that the service breaks off is a broken answer, never a short one.
func TestBrokenAnswerLooksBroken(t *testing.T) {
	t.Parallel()
	service := newFaulty(t, cutting)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), faultTable(echo(t, "monolith"), service.URL)
	})
	if got := ask(t, "GET", proxy.URL("/faq/1")); got.err == nil {
		t.Errorf("a complete answer: %d %q", got.status, got.body)
	}
	if got := ask(t, "POST", proxy.URL("/faq/1")); got.err == nil {
		t.Errorf("a complete answer: %d %q", got.status, got.body)
	}
}

// After some failures the breaker keeps even unsafe requests from the service,
// shows in the status, and closes by itself when the service is well again.
func TestBreakerShowsAndRecovers(t *testing.T) {
	t.Parallel()
	service := newFaulty(t, resetting)
	server := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), faultTable(echo(t, "monolith"), service.URL)
	})
	for range 10 {
		wantSaid(t, "GET", ask(t, "GET", server.URL("/faq/1")), "monolith")
	}
	wantSaid(t, "POST behind an open breaker", ask(t, "POST", server.URL("/faq/create")), "monolith")
	if n := service.Requests(); n < 3 || n > 5 {
		t.Errorf("the service was asked %d times; its breaker opens after 3 failures", n)
	}
	status := server.WaitStatus(t, "the breaker to open", func(s engine.Status) bool { return breakerOf(s, "faq") == "open" })
	if !hasFailures(status.Targets, "faq") || breakerOf(status, "alone") != "closed" {
		t.Errorf("targets %+v, want failures of faq and nothing of alone", status.Targets)
	}
	if out := server.MustCommand(t, "rollout", "status"); !strings.Contains(out, "open") {
		t.Errorf("rollout status does not show the breaker:\n%s", out)
	}
	service.does.Store(healthy)
	testbed.WaitFor(t, "the service to be asked again", func() bool {
		return ask(t, "GET", server.URL("/faq/1")).body == "service"
	})
	server.WaitStatus(t, "the breaker to close", func(s engine.Status) bool { return breakerOf(s, "faq") == "closed" })
}

func hasFailures(targets []proxy.Status, name string) bool {
	for _, target := range targets {
		if target.Name == name {
			return target.Failures > 0 && target.LastError != ""
		}
	}
	return false
}

// The real service, killed and hung in front of the real monolith.
func TestServiceKilledAndHung(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	service := testbed.StartFAQ(t, django.Database())
	proxy := testbed.StartStrangler(t, helpdeskConfig(django.Address, service.Address))
	for _, route := range []string{"faq-read", "faq-create"} {
		proxy.MustCommand(t, "rollout", "set", route, "100")
	}
	read := func(when, want string) {
		t.Helper()
		b := newBrowser(t, proxy.URL(""))
		if got := b.get("/v1/faq/1"); got.Status != http.StatusOK || got.Header.Get("X-Served-By") != want {
			t.Errorf("%s: %d by %q, want 200 by %s", when, got.Status, got.Header.Get("X-Served-By"), want)
		}
	}
	create := func(when string) exchange {
		t.Helper()
		return newBrowser(t, proxy.URL("")).do("POST", "/v1/create/", nil, strings.NewReader(`{"question": "`+when+`", "source": "e2e"}`))
	}
	read("healthy", "faq-service")
	service.Kill()
	read("killed", "monolith")
	if got := create("killed"); got.Status != http.StatusCreated || got.Header.Get("X-Served-By") != "monolith" {
		t.Errorf("a question that was never sent to the killed service: %d by %q, want 201 by monolith", got.Status, got.Header.Get("X-Served-By"))
	}
	service.Start()
	backAgain := func() bool {
		return newBrowser(t, proxy.URL("")).get("/v1/faq/1").Header.Get("X-Served-By") == "faq-service"
	}
	testbed.WaitFor(t, "the started service to be asked again", backAgain)
	service.Freeze()
	read("hung", "monolith")
	service.Thaw()
	testbed.WaitFor(t, "the thawed service to be asked again", backAgain)
}
