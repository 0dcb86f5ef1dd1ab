//go:build unix

package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// sink is the cheapest ResponseWriter there is.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header       { return s.header }
func (*sink) WriteHeader(int)             {}
func (*sink) Write(p []byte) (int, error) { return len(p), nil }

// Handlers that forward to a server.
var forwarders = []struct {
	name string
	make func(tb testing.TB, url string) http.Handler
}{
	{"ReverseProxy", plainReverseProxy},
	{"monolith", func(tb testing.TB, url string) http.Handler {
		tb.Helper()
		return planned(proxy.Plan{Arm: routes.Monolith, Monolith: monolith(tb, url)})
	}},
	{"service", func(tb testing.TB, url string) http.Handler {
		tb.Helper()
		return planned(proxy.Plan{Arm: routes.Service, Service: service(tb, url), Fallback: everything})
	}},
}

func planned(p proxy.Plan) http.Handler {
	client := proxy.Client{IP: "192.0.2.7", RemoteIP: "192.0.2.7"}
	p.ServiceCall = proxy.Call{Client: client, RequestID: "0123456789abcdef"}
	p.MonolithCall = p.ServiceCall
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := proxy.Forward(w, r, p); err != nil {
			panic(err)
		}
	})
}

// pool makes the comparison fair: both sides copy with pooled buffers.
type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return *p.Pool.Get().(*[]byte) }
func (p *pool) Put(b []byte) { p.Pool.Put(&b) }

// plainReverseProxy is what one writes with the standard library alone.
func plainReverseProxy(tb testing.TB, backend string) http.Handler {
	tb.Helper()
	u, err := url.Parse(backend)
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512}
	tb.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		BufferPool: &pool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}},
		Transport:  transport,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(u)
			pr.Out.Host = pr.In.Host
			pr.SetXForwarded()
		},
	}
}

// benchRequest makes the request that a browser would send, and a server that
// answers it with size bytes.
func benchRequest(tb testing.TB, size int) (server string, r *http.Request) {
	tb.Helper()
	body := []byte(strings.Repeat("x", size))
	server = backend(tb, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Cookie")
		_, _ = w.Write(body)
	}).URL
	r = httptest.NewRequest(http.MethodGet, "/v1/faq/7?full=1", nil).WithContext(tb.Context())
	r.RemoteAddr = "192.0.2.7:1234"
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "bench/1", "Accept-Language": "en",
		"Cookie": "sessionid=0123456789abcdef0123456789abcdef", "Referer": "https://www.example.com/",
	} {
		r.Header.Set(name, value)
	}
	return server, r
}

// benchUpload is benchRequest with a body of size bytes.
func benchUpload(tb testing.TB, size int) (server string, request func() *http.Request) {
	tb.Helper()
	server = backend(tb, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }).URL
	body := make([]byte, size)
	return server, func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(bytes.NewReader(body))).WithContext(tb.Context())
		r.ContentLength = int64(len(body))
		return r
	}
}

func BenchmarkForward(b *testing.B) {
	for name, size := range map[string]int{"300B": 300, "100KiB": 100 << 10} {
		for _, f := range forwarders {
			b.Run(name+"/"+f.name, func(b *testing.B) {
				url, r := benchRequest(b, size)
				h := f.make(b, url)
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(&sink{make(http.Header, 8)}, r)
				}
			})
		}
	}
}

// BenchmarkUpload is what a request with a body costs: the service's is read
// ahead, the monolith's is not.
func BenchmarkUpload(b *testing.B) {
	for name, size := range map[string]int{"300B": 300, "20KiB": 20 << 10, "1MiB": 1 << 20} {
		for _, f := range forwarders {
			b.Run(name+"/"+f.name, func(b *testing.B) {
				url, request := benchUpload(b, size)
				h := f.make(b, url)
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(&sink{make(http.Header, 8)}, request())
				}
			})
		}
	}
}

// BenchmarkArms is what a request costs here alone, without any connection: what
// a service has more than the monolith, bulkhead, breaker and fallback, shows.
func BenchmarkArms(b *testing.B) {
	_, r := benchRequest(b, 0)
	instant := proxy.Options{Transport: new(dialer)}
	s := target(b, instant, nil, "http://a")
	instant.Monolith = true
	m := target(b, instant, nil, "http://a")
	for name, h := range map[string]http.Handler{
		"monolith": planned(proxy.Plan{Arm: routes.Monolith, Monolith: m}),
		"service":  planned(proxy.Plan{Arm: routes.Service, Service: s, Monolith: m, Fallback: everything}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(&sink{make(http.Header, 8)}, r)
			}
		})
	}
}

// BenchmarkTransport compares what a small answer costs, server included, with
// lean and with http.Transport: OPTIONS is lean's, DELETE is not.
func BenchmarkTransport(b *testing.B) {
	for name, method := range map[string]string{"lean": http.MethodOptions, "http.Transport": http.MethodDelete} {
		b.Run(name, func(b *testing.B) {
			url, r := benchRequest(b, 300)
			r.Method = method
			h := planned(proxy.Plan{Arm: routes.Monolith, Monolith: monolith(b, url)})
			b.ReportAllocs()
			b.SetParallelism(8)
			start := cpuTime(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h.ServeHTTP(&sink{make(http.Header, 8)}, r)
				}
			})
			b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkRatio reports the CPU time of a forwarded request, server included,
// as a ratio to a plain ReverseProxy's. All run in turns, and the quick fifth
// of the turns counts: that holds on a noisy machine.
func BenchmarkRatio(b *testing.B) {
	get := func(size int) func(testing.TB) (string, func() *http.Request) {
		return func(tb testing.TB) (string, func() *http.Request) {
			tb.Helper()
			url, r := benchRequest(tb, size)
			return url, func() *http.Request { return r }
		}
	}
	for _, c := range []struct {
		name string
		turn int
		make func(testing.TB) (string, func() *http.Request)
	}{{"300B", 100, get(300)}, {"100KiB", 40, get(100 << 10)}, {"upload", 16, func(tb testing.TB) (string, func() *http.Request) {
		tb.Helper()
		return benchUpload(tb, 1<<20)
	}}} {
		b.Run(c.name, func(b *testing.B) {
			url, request := c.make(b)
			times := make([][]time.Duration, len(forwarders))
			handlers := make([]http.Handler, len(forwarders))
			for i, f := range forwarders {
				handlers[i] = f.make(b, url)
			}
			for first := 0; b.Loop(); first++ { // nobody is always the last
				for i := range handlers {
					i = (first + i) % len(handlers)
					start := cpuTime(b)
					for range c.turn {
						handlers[i].ServeHTTP(&sink{make(http.Header, 8)}, request())
					}
					times[i] = append(times[i], cpuTime(b)-start)
				}
			}
			for i, f := range forwarders {
				slices.Sort(times[i])
				b.ReportMetric(float64(times[i][len(times[i])/5])/float64(times[0][len(times[0])/5]), f.name)
			}
		})
	}
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
