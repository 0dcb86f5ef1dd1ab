package shadow_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

// sink is the cheapest ResponseWriter there is.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header       { return s.header }
func (*sink) WriteHeader(int)             {}
func (*sink) Write(p []byte) (int, error) { return len(p), nil }

// forgetful takes records and does nothing.
type forgetful struct{}

func (forgetful) Record(*shadow.Record) {}

// benchMirror has a queue that the first two requests fill.
func benchMirror(tb testing.TB, sample routes.PPM) *shadow.Mirror {
	tb.Helper()
	never := httptest.NewServer(hung(tb))
	tb.Cleanup(func() { never.CloseClientConnections(); never.Close() })
	mirrors, err := shadow.New(shadow.Options{Connect: connect, Recorder: forgetful{}, Queue: 1, Bytes: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(mirrors.Close)
	err = mirrors.Apply([]shadow.Settings{{
		Route: "faq", Sample: sample, InFlight: 1, Timeout: time.Hour,
		Service: shadow.Target{Name: "faq", URLs: []string{never.URL}},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return mirrors.Route("faq")
}

func benchRequest(tb testing.TB) *http.Request {
	tb.Helper()
	r := httptest.NewRequest(http.MethodGet, "/v1/faq/7?full=1", nil).WithContext(tb.Context())
	r.Host = "www.example.com"
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "bench/1", "Accept-Language": "en",
		"Cookie": "sessionid=0123456789abcdef0123456789abcdef", "Referer": "https://www.example.com/",
		"X-Request-Id": "0af7651916cd43dd8448eb211c80319c", "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// mirrored is what an engine does around a request that ends so.
func mirrored(m *shadow.Mirror, end shadow.Ending, serve func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := m.Sample(r, &shadow.Arrival{RequestID: r.Header["X-Request-Id"][0], At: time.Now()})
		if x == nil {
			serve(w, r)
			return
		}
		defer x.End(end)
		r.Body = x.Body(r.Body)
		serve(x.Writer(w), r)
	}
}

// copiedOnly ends a request so that all was copied, and nothing is queued.
var copiedOnly = shadow.Ending{Failure: "canceled"}

// BenchmarkSampledGet is what mirroring adds to a request with a small answer.
func BenchmarkSampledGet(b *testing.B) {
	body := []byte(strings.Repeat("x", 300))
	kind, length := []string{"application/json"}, []string{"300"}
	serve := func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"] = kind, length
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body)
	}
	for name, c := range map[string]struct {
		sample routes.PPM
		end    shadow.Ending
	}{"copied": {routes.One, copiedOnly}, "full": {routes.One, shadow.Ending{}}, "1ppm": {1, shadow.Ending{}}} {
		b.Run(name, func(b *testing.B) {
			h := mirrored(benchMirror(b, c.sample), c.end, serve)
			r := benchRequest(b)
			w := &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h(w, r)
			}
		})
	}
}

// BenchmarkForward holds a request that is forwarded to a server and mirrored
// against one that is not.
func BenchmarkForward(b *testing.B) {
	body := []byte(strings.Repeat("x", 300))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	b.Cleanup(server.Close)
	monolith, err := proxy.New(&routes.Target{Name: "monolith", URLs: []string{server.URL}}, proxy.Options{Monolith: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(monolith.Close)
	plan := proxy.Plan{Arm: routes.Monolith, Monolith: monolith}
	serve := func(w http.ResponseWriter, r *http.Request) { _, _ = proxy.Forward(w, r, plan) }
	for name, h := range map[string]http.HandlerFunc{"plain": serve, "mirrored": mirrored(benchMirror(b, routes.One), copiedOnly, serve)} {
		front := httptest.NewServer(h)
		b.Cleanup(front.Close)
		b.Run(name, func(b *testing.B) {
			r := benchRequest(b)
			r.RequestURI = ""
			r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(front.URL, "http://")
			b.ReportAllocs()
			for b.Loop() {
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
}
