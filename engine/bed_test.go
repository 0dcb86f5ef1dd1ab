package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/internal/testlog"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var act = rollout.Act{By: "ann", Reason: "a test", Source: rollout.SourceAPI}

// bed is an engine between real servers, over a real store.
type bed struct {
	*Engine
	t                 testing.TB
	path              string // of the table
	monolith, service *backend
	front             *httptest.Server
	ledger            *rollout.Ledger
	site              Site
	client            *http.Client
	results           chan Result // of each request, when not nil
	addr              string      // the client's, when not empty
	logs              *log
}

// backend answers "NAME METHOD URI" and remembers the requests.
type backend struct {
	*httptest.Server
	mu     sync.Mutex
	last   *http.Request
	answer http.HandlerFunc // in its place, when not nil
}

func newBackend(tb testing.TB, name string) *backend {
	tb.Helper()
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.last = r
		answer := b.answer
		b.mu.Unlock()
		w.Header().Set("X-Served-By", name)
		if answer != nil {
			answer(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, "%s %s %s", name, r.Method, r.RequestURI)
	}))
	tb.Cleanup(b.Close)
	return b
}

func (b *backend) answers(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = h
}

// seen is the header that the last request came with.
func (b *backend) seen() http.Header {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		return nil
	}
	return b.last.Header
}

type option func(*bed, *Options)

func withSite(site Site) option { return func(b *bed, _ *Options) { b.site = site } }

// newBed starts everything with a table in which MONOLITH and SERVICE stand
// for the servers' addresses.
func newBed(tb testing.TB, table string, options ...option) *bed {
	tb.Helper()
	b := &bed{
		t: tb, path: filepath.Join(tb.TempDir(), "routes.yaml"), logs: &log{},
		monolith: newBackend(tb, "monolith"), service: newBackend(tb, "service"),
	}
	store, err := sqlite.Open(filepath.Join(tb.TempDir(), "strangler.db"))
	must(tb, err)
	tb.Cleanup(func() { must(tb, store.Close()) })
	o := Options{Secrets: store, Logger: slog.New(slog.NewTextHandler(b.logs, nil)), Quiet: 10 * time.Millisecond}
	o.Ledger, err = rollout.Open(context.Background(), rollout.Options{Store: store, Now: time.Now})
	must(tb, err)
	b.ledger = o.Ledger
	tb.Cleanup(func() { must(tb, b.ledger.Close(context.Background())) })
	for _, option := range options {
		option(b, &o)
	}
	b.Engine, err = New(o)
	must(tb, err)
	tb.Cleanup(func() { must(tb, b.Close()) })
	b.front = httptest.NewServer(b)
	tb.Cleanup(b.front.Close)
	b.client = &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	tb.Cleanup(b.client.CloseIdleConnections)
	if table != "" {
		b.write(table)
		must(tb, b.Watch(b.path))
	}
	return b
}

// ServeHTTP is the adapter.
func (b *bed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client := proxy.Client{Secure: r.TLS != nil}
	client.RemoteIP, _, _ = net.SplitHostPort(r.RemoteAddr)
	client.IP = client.RemoteIP
	if b.addr != "" {
		client.IP = b.addr
	}
	var result Result
	err := b.Engine.ServeHTTP(w, r, client, b.site, &result)
	if b.results != nil {
		b.results <- result
	}
	var failure *proxy.Failure
	if errors.As(err, &failure) && failure.Started {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		http.Error(w, http.StatusText(HTTPStatus(err)), HTTPStatus(err))
	}
}

// table fills in the addresses.
func (b *bed) table(table string) string {
	return strings.NewReplacer("MONOLITH", b.monolith.URL, "SERVICE", b.service.URL).Replace(table)
}

// write replaces the table's file as a careful editor does.
func (b *bed) write(table string) {
	b.t.Helper()
	temporary := b.path + ".new"
	must(b.t, os.WriteFile(temporary, []byte(b.table(table)), 0o600))
	must(b.t, os.Rename(temporary, b.path))
}

// do sends a request and returns the answer with its body.
func (b *bed) do(method, path string, header http.Header) (*http.Response, string) {
	b.t.Helper()
	request, err := http.NewRequest(method, b.front.URL+path, nil)
	must(b.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := b.client.Do(request)
	must(b.t, err)
	body, err := io.ReadAll(response.Body)
	must(b.t, err)
	must(b.t, response.Body.Close())
	return response, string(body)
}

// servedBy says which backend answers a GET, by a header that it sets.
func (b *bed) servedBy(path string, header http.Header) string {
	b.t.Helper()
	response, _ := b.do(http.MethodGet, path, header)
	return response.Header.Get("X-Served-By")
}

func (b *bed) set(route, percent string) {
	b.t.Helper()
	share, err := routes.ParsePercent(percent)
	must(b.t, err)
	_, err = b.Set(context.Background(), route, share, act)
	must(b.t, err)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func equal[T comparable](tb testing.TB, what string, have, want T) {
	tb.Helper()
	if have != want {
		tb.Errorf("%s is %v, want %v", what, have, want)
	}
}

// eventually waits until a condition holds.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			tb.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// log collects what was logged.
type log struct{ testlog.Log }

func (l *log) contains(text string) bool { return strings.Contains(l.String(), text) }

// lines are those that have text in them.
func (l *log) lines(text string) (found []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
