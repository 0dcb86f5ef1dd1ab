package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// sink is the cheapest ResponseWriter there is.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header       { return s.header }
func (*sink) WriteHeader(int)             {}
func (*sink) Write(p []byte) (int, error) { return len(p), nil }

// benchmarkHandler measures one forwarded request, without a front server.
func benchmarkHandler(b *testing.B, size int, handler func(backend string) http.Handler) {
	b.Helper()
	body := []byte(strings.Repeat("x", size))
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Cookie")
		_, _ = w.Write(body)
	}))
	defer backend.Close()
	h := handler(backend.URL)
	r := httptest.NewRequest(http.MethodGet, "/v1/faq/7?full=1", nil)
	r.RemoteAddr = "192.0.2.7:1234"
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "bench/1", "Accept-Language": "en",
		"Cookie": "sessionid=0123456789abcdef0123456789abcdef", "Referer": "https://www.example.com/",
	} {
		r.Header.Set(name, value)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&sink{make(http.Header, 8)}, r)
	}
}

// pool makes the comparison fair: both sides copy with pooled buffers.
type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return *p.Pool.Get().(*[]byte) }
func (p *pool) Put(b []byte) { p.Pool.Put(&b) }

func plainReverseProxy(backend string) http.Handler {
	u, err := url.Parse(backend)
	if err != nil {
		panic(err)
	}
	return &httputil.ReverseProxy{
		BufferPool: &pool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}},
		Transport:  &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512},
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(u)
			pr.Out.Host = pr.In.Host
			pr.SetXForwarded()
		},
	}
}

func forwarded(monolith bool) func(backend string) http.Handler {
	return func(backend string) http.Handler {
		t, err := proxy.New(&routes.Target{Name: "faq", URLs: []string{backend}}, proxy.Options{Monolith: monolith})
		if err != nil {
			panic(err)
		}
		fallback := routes.Fallback{Declared: true, Connect: true, Status: []int{502, 503, 504}}
		arm := routes.Service
		if monolith {
			arm = routes.Monolith
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client := proxy.Client{IP: "192.0.2.7", RemoteIP: "192.0.2.7"}
			p := proxy.Plan{Arm: arm, Service: t, Monolith: t, Fallback: fallback}
			p.ServiceCall.Client, p.MonolithCall.Client = client, client
			p.ServiceCall.RequestID = "0123456789abcdef"
			if _, err := proxy.Forward(w, r, p); err != nil {
				panic(err)
			}
		})
	}
}

func BenchmarkSmall(b *testing.B) {
	b.Run("ReverseProxy", func(b *testing.B) { benchmarkHandler(b, 300, plainReverseProxy) })
	b.Run("monolith", func(b *testing.B) { benchmarkHandler(b, 300, forwarded(true)) })
	b.Run("service", func(b *testing.B) { benchmarkHandler(b, 300, forwarded(false)) })
}

func BenchmarkLarge(b *testing.B) {
	b.Run("ReverseProxy", func(b *testing.B) { benchmarkHandler(b, 100<<10, plainReverseProxy) })
	b.Run("service", func(b *testing.B) { benchmarkHandler(b, 100<<10, forwarded(false)) })
}
