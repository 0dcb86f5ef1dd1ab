package engine

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

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

// brief answers with a head.
type brief struct{}

func (brief) Serve(w http.ResponseWriter, _ *http.Request, _ *proxy.Call) error {
	w.WriteHeader(http.StatusOK)
	return nil
}

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
	table := strings.ReplaceAll(strings.ReplaceAll(halves, "{ url: MONOLITH }", "{}"), "{ url: SERVICE }", "{}")
	bed := newBed(b, table, withSite(Site{"monolith": silent{}, "s": silent{}}))
	b.Run("visitor/known", func(b *testing.B) {
		_, value := bed.visitors.Load().Mint()
		measure(b, bed, "/visitor", http.Header{"Cookie": {"sessionid=abcdef; " + identity.VisitorCookie + "=" + value}})
	})
	b.Run("visitor/new", func(b *testing.B) { measure(b, bed, "/visitor", http.Header{}) })
	b.Run("unmatched", func(b *testing.B) { measure(b, bed, "/nowhere", http.Header{}) })
}

// BenchmarkEvidence is what it costs to count a route's requests for its
// rollout: both tables in turns, as the machine's speed changes by the second.
func BenchmarkEvidence(b *testing.B) {
	percent, rollout := decidedBy(b, "percent: 50"), decidedBy(b, "rollout: { steps: [50] }")
	const slice = 500 // requests
	var took [2][]time.Duration
	for b.Loop() {
		for i, ask := range []func(){percent, rollout} {
			start := time.Now()
			for range slice {
				ask()
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	quintile := len(took[0]) / 5 // what others do to the machine is in the rest
	b.ReportMetric(float64(took[1][quintile])/float64(took[0][quintile]), "ratio")
	b.ReportMetric(float64(took[0][quintile])/slice, "ns/percent")
	b.ReportMetric(float64(took[1][quintile])/slice, "ns/rollout")
}

// decidedBy makes one request of a route at 50 % by what its table says.
func decidedBy(b *testing.B, field string) (ask func()) {
	b.Helper()
	table := strings.NewReplacer("MONOLITH", "{}", "SERVICE", "{}", "FIELD", field).Replace(fieldTable)
	bed := newBed(b, table, withSite(Site{"monolith": brief{}, "s": brief{}}))
	if strings.HasPrefix(field, "rollout") {
		plan, err := bed.PlanOf("r")
		must(b, err)
		_, err = bed.ledger.Start(b.Context(), "r", plan, act)
		must(b, err)
	}
	return request(b, bed, "/r", http.Header{"X-Tenant": {"tenant-17"}})
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
	ask := request(b, on, path, header)
	b.ReportAllocs()
	for b.Loop() {
		ask()
	}
}

// request makes one request again and again.
func request(b *testing.B, on *bed, path string, header http.Header) (ask func()) {
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
	return func() {
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

// BenchmarkIdentity is what it costs to know who a request is from and to give its
// service a token, both in memory, against a route that wants neither.
func BenchmarkIdentity(b *testing.B) {
	table := `
targets: { monolith: {}, s: {} }
monolith: monolith
routes:
  - { name: plain, match: /plain, service: s, percent: 100, owner: o, fallback: [connect] }
  - { name: known, match: /known, service: s, percent: 100, owner: o, fallback: [connect], identity: {} }
`
	cookies := http.Header{"Cookie": {"sessionid=alice"}}
	site := Site{"monolith": brief{}, "s": brief{}}
	without := newBed(b, strings.Replace(table, ", identity: {}", "", 1), withSite(site))
	with := newBed(b, table, withSite(site), withDesk(new(desk)))
	b.Run("none", func(b *testing.B) { measure(b, without, "/plain", cookies) })
	b.Run("cookie", func(b *testing.B) { measure(b, with, "/plain", cookies) })
	b.Run("token", func(b *testing.B) { measure(b, with, "/known", cookies) })
}
