package engine

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
)

// metrics is what a scrape of the engine's collector gives.
func (b *bed) metrics() string {
	b.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	must(b.t, registry.Register(b.Telemetry().Collector()))
	families, err := registry.Gather()
	must(b.t, err)
	var text strings.Builder
	for _, family := range families {
		_, err := expfmt.MetricFamilyToText(&text, family)
		must(b.t, err)
	}
	return text.String()
}

var clientForTest = proxy.Client{IP: "192.0.2.1", RemoteIP: "192.0.2.1"}

// answer is a ResponseWriter that keeps its body.
type answer struct {
	header http.Header
	body   strings.Builder
}

func newAnswer() *answer { return &answer{header: http.Header{}} }

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(int)             {}
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// silent answers nothing: what is left to measure is everything but forwarding.
type silent struct{}

func (silent) Serve(http.ResponseWriter, *http.Request, *proxy.Call) error { return nil }

// BenchmarkWay is a request's way without forwarding, with a split by a header
// and by a visitor cookie, in small and large tables.
func BenchmarkWay(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		table := strings.ReplaceAll(strings.ReplaceAll(many(n), "{ url: MONOLITH }", "{}"), "{ url: SERVICE }", "{}")
		bed := newBed(b, table, withSite(Site{"monolith": silent{}, "s": silent{}}))
		route := fmt.Sprint("r", n/2)
		bed.set(route, "50")
		b.Run(fmt.Sprintf("header/%d", n), func(b *testing.B) {
			measure(b, bed, "/api/"+route+"/7", http.Header{"X-Tenant": {"tenant-17"}})
		})
	}
	b.Run("percent", func(b *testing.B) { decidedBy(b, "percent: 50") })
	b.Run("rollout", func(b *testing.B) { decidedBy(b, "rollout: { steps: [50] }") })
	table := strings.ReplaceAll(strings.ReplaceAll(halves, "{ url: MONOLITH }", "{}"), "{ url: SERVICE }", "{}")
	bed := newBed(b, table, withSite(Site{"monolith": silent{}, "s": silent{}}))
	b.Run("visitor/known", func(b *testing.B) {
		_, value := bed.visitors.Load().Mint()
		measure(b, bed, "/visitor", http.Header{"Cookie": {"sessionid=abcdef; " + identity.VisitorCookie + "=" + value}})
	})
	b.Run("visitor/new", func(b *testing.B) { measure(b, bed, "/visitor", http.Header{}) })
	b.Run("unmatched", func(b *testing.B) { measure(b, bed, "/nowhere", http.Header{}) })
}

// decidedBy measures a route at 50 % by what its table says: evidence must cost
// next to nothing.
func decidedBy(b *testing.B, field string) {
	b.Helper()
	table := strings.NewReplacer("MONOLITH", "{}", "SERVICE", "{}", "FIELD", field).Replace(fieldTable)
	bed := newBed(b, table, withSite(Site{"monolith": silent{}, "s": silent{}}))
	if strings.HasPrefix(field, "rollout") {
		plan, err := bed.PlanOf("r")
		must(b, err)
		_, err = bed.ledger.Start(b.Context(), "r", plan, act)
		must(b, err)
	}
	measure(b, bed, "/r", http.Header{"X-Tenant": {"tenant-17"}})
}

const fieldTable = `
targets: { monolith: MONOLITH, s: SERVICE }
monolith: monolith
routes:
  - { name: r, match: /r, service: s, owner: o, sticky: "header:X-Tenant", fallback: [connect], FIELD }
`

// measure measures one request again and again; its header is what a browser sends.
func measure(b *testing.B, on *bed, path string, header http.Header) {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range map[string]string{
		"Accept": "text/html", "Accept-Encoding": "gzip, br", "Accept-Language": "en", "User-Agent": "Mozilla/5.0",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Upgrade-Insecure-Requests": "1", "Referer": "https://www.example.com/",
	} {
		r.Header.Set(name, value)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w := newAnswer()
	result := new(Result) // the adapter's, and the request's own there
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		delete(r.Header, "X-Request-Id") // as for every new request
		delete(r.Header, "Traceparent")
		*result = Result{}
		if err := on.Engine.ServeHTTP(w, r, clientForTest, on.site, result); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublish is what one change of the ledger costs.
func BenchmarkPublish(b *testing.B) {
	bed := newBed(b, many(100_000))
	for b.Loop() {
		bed.publish()
	}
}
