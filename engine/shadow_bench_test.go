package engine

import (
	"net/http"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/proxy"
)

// large answers with the head of a page.
type large struct{}

var html, length = []string{"text/html"}, []string{"2000"}

func (large) Serve(w http.ResponseWriter, _ *http.Request, _ *proxy.Call) error {
	h := w.Header()
	h["Content-Type"], h["Content-Length"] = html, length
	w.WriteHeader(http.StatusOK)
	return nil
}

// BenchmarkShadow is what a request costs its client's way whose route is
// compared, without a network: with a copy of all but the answer's body, which is
// larger than what is kept; with a queue that a hung shadow has filled; and
// without a shadow.
func BenchmarkShadow(b *testing.B) {
	table := strings.NewReplacer("{ url: MONOLITH, build: X-Build }", "{}", "/faq/{id}", "/faq").Replace(shadowTable)
	site := withSite(Site{"monolith": large{}})
	hung := func(bed *bed, _ *Options) {
		bed.service.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	}
	for _, c := range []struct {
		name, table string
		options     []option
	}{
		{"none", strings.Replace(table, "    shadow: { SHADOW }\n", "", 1), []option{site}},
		{"copied", strings.Replace(table, "SHADOW", "body: 1KiB", 1), []option{site, withBook, hung}},
		{"full", strings.Replace(table, "SHADOW", "in_flight: 1, timeout: 1m", 1), []option{site, withBook, hung, func(_ *bed, o *Options) { o.Shadowing.Queue = 1 }}},
	} {
		b.Run(c.name, func(b *testing.B) { measure(b, newBed(b, c.table, c.options...), "/faq", http.Header{}) })
	}
}
