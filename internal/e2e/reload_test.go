package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const (
	requestsUnderReload = 10_000
	reloads             = 50
	clients             = 8
)

// echo is a target that answers with its name and the path it was asked for.
func echo(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.Path)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// tableOf is a table whose item route goes to one of two services, at a path
// that only that service is asked for. Other routes make it long, so that half
// of it would be noticed: with the item route at the end it would be missing.
func tableOf(targets map[string]string, service string) string {
	var b strings.Builder
	b.WriteString("targets:\n")
	for _, name := range []string{"monolith", "alpha", "beta"} {
		fmt.Fprintf(&b, "  %s: { url: %q }\n", name, targets[name])
	}
	b.WriteString("monolith: monolith\nroutes:\n")
	for i := range 300 {
		fmt.Fprintf(&b, "  - { name: filler-%[1]d, match: \"/filler/%[1]d/{rest...}\", owner: nobody }\n", i)
	}
	fmt.Fprintf(&b, `  - name: item
    match: /item/{id}
    owner: items
    service: %[1]s
    rewrite: /%[1]s/{id}
    percent: 100
    fallback: []
`, service)
	return b.String()
}

// Many requests while the Caddyfile is reloaded and the table edited, well and
// badly: each is answered by the service and at the path of one table.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	targets := map[string]string{"monolith": echo(t, "monolith"), "alpha": echo(t, "alpha"), "beta": echo(t, "beta")}
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), tableOf(targets, "alpha")
	})
	load := startLoad(t, proxy.URL("/item/"))
	services := []string{"alpha", "beta"}
	for i := range reloads {
		service := services[i%2]
		switch i % 5 {
		case 0: // a new table
			before := proxy.Status(t).Table.Version
			proxy.EditRoutes(t, tableOf(targets, services[(i+1)%2])+fmt.Sprintf("# %d\n", i))
			proxy.WaitStatus(t, "the edit to be live", func(s engine.Status) bool { return s.Table.Version != before })
		case 1: // a bad table
			typo := fmt.Sprintf("serbice%d", i)
			proxy.EditRoutes(t, strings.Replace(tableOf(targets, service), "service:", typo+":", 1))
			proxy.WaitStatus(t, "the typo to be refused", func(s engine.Status) bool {
				return s.Refused != nil && strings.Contains(s.Refused.Problems[0].String(), typo)
			})
		case 2: // a new Caddyfile, while the file still holds the bad table
			load.replace(func() { mustReload(t, proxy, fmt.Sprintf("header X-Generation %d", i), "") })
		case 3: // refused when it is adapted, and later, when it is provisioned
			wantRefused(t, proxy, "no_such_directive", "")
			wantRefused(t, proxy, "", "tls internal { bad }")
			wantRefused(t, proxy, fmt.Sprintf("header X-Generation %d", i), "routes no-such-file.yaml")
		case 4: // a new Caddyfile and a new table at the same time
			proxy.EditRoutes(t, tableOf(targets, service)+fmt.Sprintf("# %d\n", i))
			load.replace(func() { mustReload(t, proxy, fmt.Sprintf("header X-Generation %d", i), "") })
		}
	}
	load.finish()
}

func caddyfileWith(proxy *testbed.Strangler, directive, option string) string {
	text := testbed.Caddyfile(proxy.Address, proxy.Admin)
	if option != "" {
		text = strings.Replace(text, "routes routes.yaml", option, 1)
	}
	return strings.Replace(text, "\tstrangler\n}", "\tstrangler\n\t"+directive+"\n}", 1)
}

func mustReload(t *testing.T, proxy *testbed.Strangler, directive, option string) {
	t.Helper()
	if err := proxy.Reload(t, caddyfileWith(proxy, directive, option)); err != nil {
		t.Fatal(err)
	}
}

func wantRefused(t *testing.T, proxy *testbed.Strangler, directive, option string) {
	t.Helper()
	if err := proxy.Reload(t, caddyfileWith(proxy, directive, option)); err == nil {
		t.Errorf("a bad Caddyfile (%q, %q) was not refused", directive, option)
	}
}

// load asks for items until it is told to finish.
type load struct {
	t         *testing.T
	url       string
	transport http.RoundTripper
	sent      atomic.Int64
	enough    chan struct{} // closed when enough were sent
	stop      context.CancelFunc
	done      sync.WaitGroup

	// replacing is true while a Caddyfile replaces another. The server then
	// closes its old listener, and with it connections that were just made: the
	// client asks again, as clients do when a connection ends before an answer.
	// Nothing else may ever break one.
	replacing atomic.Bool
	again     atomic.Int64

	mu    sync.Mutex
	wrong []string
}

func startLoad(t *testing.T, url string) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	l := &load{t: t, url: url, transport: transport, enough: make(chan struct{}), stop: stop}
	for range clients {
		l.done.Go(func() {
			for ctx.Err() == nil {
				n := l.sent.Add(1)
				if err := l.ask(n); err != nil {
					l.mu.Lock()
					l.wrong = append(l.wrong, err.Error())
					l.mu.Unlock()
				}
				if n == requestsUnderReload {
					close(l.enough)
				}
			}
		})
	}
	t.Cleanup(func() {
		stop()
		l.done.Wait()
		transport.CloseIdleConnections()
	})
	return l
}

// ask asks for one item.
func (l *load) ask(n int64) error {
	replacing := l.replacing.Load()
	err := l.askOnce(n)
	var answered *wrongAnswerError
	if err == nil || errors.As(err, &answered) || !replacing && !l.replacing.Load() {
		return err
	}
	l.again.Add(1)
	return l.askOnce(n)
}

// askOnce asks for an item, every tenth time on a connection of its own.
func (l *load) askOnce(n int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%d", l.url, n), nil)
	if err != nil {
		return err
	}
	r.Close = n%10 == 0
	response, err := l.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("request %d: %w", n, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	got := string(body)
	if err != nil || response.StatusCode != http.StatusOK || got != fmt.Sprintf("alpha /alpha/%d", n) && got != fmt.Sprintf("beta /beta/%d", n) {
		return &wrongAnswerError{n, response.Status, got, err}
	}
	return nil
}

// wrongAnswerError is an answer that no table gives, or one that broke off.
type wrongAnswerError struct {
	n            int64
	status, body string
	err          error
}

func (w *wrongAnswerError) Error() string {
	return fmt.Sprintf("request %d: %s %q %v", w.n, w.status, w.body, w.err)
}

// replace runs what replaces the Caddyfile, and waits until no connection of
// the old server is left.
func (l *load) replace(reload func()) {
	l.t.Helper()
	l.replacing.Store(true)
	defer l.replacing.Store(false)
	reload()
	after := l.sent.Load() + 20*clients
	testbed.WaitFor(l.t, "requests after the reload", func() bool { return l.sent.Load() > after })
}

// finish waits until enough requests were sent and says which went wrong.
func (l *load) finish() {
	l.t.Helper()
	select {
	case <-l.enough:
	case <-time.After(2 * time.Minute):
		l.t.Errorf("only %d requests in two minutes", l.sent.Load())
	}
	l.stop()
	l.done.Wait()
	l.t.Logf("%d requests during %d reloads: %d wrong, %d asked again", l.sent.Load(), reloads, len(l.wrong), l.again.Load())
	if n := l.again.Load(); n > requestsUnderReload/100 {
		l.t.Errorf("%d requests had to be asked again", n)
	}
	for _, wrong := range l.wrong[:min(10, len(l.wrong))] {
		l.t.Error(wrong)
	}
	if len(l.wrong) > 10 {
		l.t.Errorf("… and %d more", len(l.wrong)-10)
	}
}
