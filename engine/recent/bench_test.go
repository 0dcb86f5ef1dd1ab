package recent

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

const plainTable = `
targets: { monolith: { url: "http://127.0.0.1:1" }, s: { url: "http://127.0.0.1:2" } }
monolith: monolith
routes:
  - { name: r, match: "/v1/faq/{id}", service: s, owner: o, sticky: "header:X-Tenant", fallback: [connect] }
`

var headerTable = strings.Replace(plainTable, "service: s", "when: { headers: { Accept: application/json } }, service: s", 1)

const valuesTable = `
targets: { monolith: { url: "http://127.0.0.1:1" }, s: { url: "http://127.0.0.1:2" } }
monolith: monolith
routes:
  - name: r
    match: /v1/faq/{id}
    when: { headers: { Accept: application/json }, query: { v: "2" }, cookies: { beta: "1" } }
    service: s
    owner: o
    fallback: [connect]
`

func load(tb testing.TB, text string) *routes.Table {
	tb.Helper()
	table, problems := routes.Load("routes.yaml", []byte(text))
	if problems.Err() != nil {
		tb.Fatal(problems.Err())
	}
	return table
}

// BenchmarkAdd is what remembering costs a request: without conditions in the
// table, with one, with one of each kind, and with all cores at once. The ring has its
// default size, so that its slots are not in the caches. What counts is
// ns/quintile, the low quintile of many short slices: what others do to the
// machine is in the rest.
func BenchmarkAdd(b *testing.B) {
	asked := routes.Request{
		Method: http.MethodGet, Host: "www.example.com", Path: "/v1/faq/4711/how-to-reset", RawQuery: "page=2&v=2",
		Header: http.Header{"Accept": {"application/json"}, "Cookie": {"sessionid=0123456789abcdef0123456789abcdef; theme=dark; beta=1"}},
	}
	facts := Facts{Route: Hash("r"), Bucket: 17, Key: KeyBucket}
	now := time.Unix(1_700_000_000, 0)
	for name, text := range map[string]string{"plain": plainTable, "header": headerTable, "three": valuesTable} {
		var known Layouts
		layout := known.Of(load(b, text))
		b.Run(name, func(b *testing.B) {
			ring := New(Default)
			const slice = 200 // requests
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				for range slice {
					ring.Add(layout, &asked, &facts, now)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/5])/slice, "ns/quintile")
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			ring := New(Default)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ring.Add(layout, &asked, &facts, now)
				}
			})
		})
	}
}
