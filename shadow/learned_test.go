package shadow_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// stamped answers with something new each time, and a price.
func stamped(n *atomic.Int64, price int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		says(fmt.Sprintf(`{"at":"%d","price":%d}`, n.Add(1), price))(w, r)
	}
}

// A busy route whose every answer is another, with the default budget: what is
// noise is learned, and what is not is still named.
func TestNoiseIsLearnedOnABusyRoute(t *testing.T) {
	t.Parallel()
	for _, price := range []int{1, 2} {
		t.Run(fmt.Sprintf("price %d", price), func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			kept, err := book.Open(t.Context(), book.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			kept.Configure([]book.Route{{Name: "faq", Owner: "kb", Compared: 500, MismatchBelow: 0.01}})
			b := newBed(t, stamped(&n, 1), stamped(&n, price), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
				o.Recorder, o.Learned, s.Chosen = kept, kept.Learned, routes.One/100
			})
			total := uint64(0)
			ask := func(each int) {
				var clients sync.WaitGroup
				for range 8 {
					clients.Go(func() {
						for range each {
							b.get(t, "/")
						}
					})
				}
				clients.Wait()
				total += uint64(8 * each)
			}
			look := func() *report.Route {
				for {
					r, err := kept.Report(t.Context(), "faq")
					if err != nil {
						t.Fatal(err)
					}
					if r.Routes[0].Coverage.Sampled == total {
						return &r.Routes[0]
					}
				}
			}
			for ask(50); len(look().Noise) == 0; ask(50) {
				if total > 20_000 {
					t.Fatal("nothing was learned")
				}
			}
			asked := b.status().Again
			ask(100)
			r := look()
			for r.Verdict.State == report.NotYet && total < 20_000 { // a busy machine compares fewer
				ask(50)
				r = look()
			}
			t.Logf("learned with %d asked again; after %d requests: %d mismatches, %v", asked, total, r.Verdict.Mismatched, r.Verdict.State)
			if r.Noise[0].Place != "$.at value string→string" || r.Noise[0].State != report.NoiseBlind {
				t.Errorf("%+v", r.Noise)
			}
			dropped := uint64(0)
			for _, bucket := range r.Coverage.Buckets {
				if strings.HasPrefix(bucket.Bucket, "dropped") {
					dropped += bucket.Count
				}
			}
			if price == 1 && (r.Verdict.State != report.Met || r.Verdict.Mismatched != 0) {
				t.Errorf("the service is the same: %+v", r.Verdict)
			}
			if price == 2 && (r.Verdict.State != report.Failing || r.Verdict.Mismatched+dropped < total-20 || r.Signatures[0].Signature != "$.price value number→number") {
				t.Errorf("the price is another: %+v, worst %s", r.Verdict, r.Signatures[0].Signature)
			}
		})
	}
}
