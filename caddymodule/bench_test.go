package caddymodule

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/proxy"
)

// instant is an upstream that costs nothing, so that only our own way is measured.
type instant struct{}

func (instant) Serve(w http.ResponseWriter, _ *http.Request, _ *proxy.Call) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header       { return d.header }
func (*discard) Write(p []byte) (int, error) { return len(p), nil }
func (*discard) WriteHeader(int)             {}

// BenchmarkHandler compares the handler with the engine it calls: what is
// between them is the adapter's cost, with a site that has target blocks (one
// that has none saves the two allocations of their placeholders).
func BenchmarkHandler(b *testing.B) {
	dir := b.TempDir()
	routes := "targets:\n  monolith: {}\n  faq: { owner: kb }\nmonolith: monolith\nroutes:\n" +
		"  - { name: faq-read, match: \"/v1/faq/{id}\", owner: kb, service: faq, percent: 50, sticky: \"header:X-User\" }\n"
	table := filepath.Join(dir, "routes.yaml")
	if err := writeFileTo(table, routes); err != nil {
		b.Fatal(err)
	}
	app := &App{id: engineKey{store: filepath.Join(dir, "state.db"), routes: table}, log: caddy.Context{}.Slogger()}
	b.Cleanup(func() { _ = app.Cleanup() })
	run, err := app.Engine()
	if err != nil {
		b.Fatal(err)
	}
	site := engine.Site{"monolith": instant{}, "faq": instant{}}
	h := &Handler{app: app, site: site}

	b.Run("engine", func(b *testing.B) {
		r := benchRequest()
		w := &discard{header: http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			var result engine.Result
			if err := run.ServeHTTP(w, withReplacer(r), proxy.Client{IP: "192.0.2.1"}, site, &result); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("handler", func(b *testing.B) {
		r := benchRequest()
		w := &discard{header: http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			if err := h.ServeHTTP(w, withReplacer(r), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/faq/7", nil)
	r.Header.Set("X-User", "u1")
	r.RemoteAddr = "192.0.2.1:1234"
	vars := map[string]any{caddyhttp.ClientIPVarKey: "192.0.2.1", caddyhttp.TrustedProxyVarKey: false}
	ctx := context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars)
	ctx = context.WithValue(ctx, caddyhttp.ServerCtxKey, &caddyhttp.Server{})
	return r.WithContext(ctx)
}

// withReplacer gives each request a replacer of its own, as Caddy does.
func withReplacer(r *http.Request) *http.Request {
	repl := caddy.NewReplacer()
	repl.Map(func(string) (any, bool) { return nil, false }) // as Caddy's own
	return r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, repl))
}
