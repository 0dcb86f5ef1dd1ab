package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const randomTable = `targets: { monolith: { url: "http://MONOLITH" }, shop: { url: "http://SHOP" } }
monolith: monolith
routes:
  - { name: price, match: "GET /price", owner: shop, service: shop, fallback: [], shadow: {}, rollout: { steps: [50], every: 1s, gates: { requests: 1, compared: 300, mismatch_below: 1 } } }
  - { name: board, match: "GET /board", owner: shop, service: shop, fallback: [], shadow: {}, rollout: { steps: [50], every: 1s, gates: { requests: 1, compared: 300, mismatch_below: 1 } } }
`

// server is a real one whose every answer is a value.
func server(t *testing.T, answer func(r *http.Request) int64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"price":%d}`, answer(r))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// A service that is wrong in 3 % of its answers, at random as one bad instance of several
// is, is seldom wrong twice: its rollout does not start. Beside it a board of which the
// monolith changes what is on it right after an answer: there the same service is well.
func TestAServiceThatIsWrongAtRandomMeetsNoGate(t *testing.T) {
	t.Parallel()
	var board atomic.Int64
	var changes atomic.Bool
	monolith := server(t, func(r *http.Request) int64 {
		if r.URL.Path != "/board" {
			return 10
		}
		now := board.Load()
		if !shadow.Marked(r.Header) && changes.Swap(false) {
			board.Add(1)
		}
		return now
	})
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(20261121, 7))
	shop := server(t, func(r *http.Request) int64 {
		if r.URL.Path == "/board" {
			return board.Load()
		}
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(100) < 3 {
			return 11
		}
		return 10
	})
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.NewReplacer("MONOLITH", monolith, "SHOP", shop).Replace(randomTable)
	})
	const n = 600 // so few differ that all are asked again
	for i := range uint64(2 * n) {
		if i%100 == 0 && i > 0 { // nothing is under way: only the next answer is of the board before
			shadowed(t, proxy, "price", i/2)
			shadowed(t, proxy, "board", i/2)
			changes.Store(true)
		}
		response, err := http.Get(proxy.URL([...]string{"/price", "/board"}[i%2]))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	shadowed(t, proxy, "price", n)
	shadowed(t, proxy, "board", n)
	price, well := reportOf(t, proxy, "price"), reportOf(t, proxy, "board")
	ended := func(r *report.Route, bucket string) uint64 {
		for _, b := range r.Coverage.Buckets {
			if b.Bucket == bucket {
				return b.Count
			}
		}
		return 0
	}
	t.Logf("price: %s, %d mismatches (%d did not come again); board: %s, %d mismatches, %d raced",
		price.Verdict.State, price.Verdict.Mismatched, ended(price, "not_reproducible"), well.Verdict.State, well.Verdict.Mismatched, ended(well, "raced"))
	if v := price.Verdict; v.State == report.Met || v.Mismatched < 8 || ended(price, "not_reproducible") < 8 {
		t.Errorf("price: %+v", v)
	}
	if v := well.Verdict; v.State != report.Met || ended(well, "raced") < 5 {
		t.Errorf("board: %+v", v)
	}
	for _, route := range []string{"price", "board"} {
		proxy.Verb(t, "rollout/start", fmt.Sprintf(`{"route":%q,"by":"ann"}`, route))
	}
	proxy.WaitRoute(t, "board", "take its first step", func(r engine.RouteStatus) bool { return r.Share > 0 })
	one := proxy.WaitRoute(t, "price", "wait", func(r engine.RouteStatus) bool { return strings.Contains(r.Rollout.Action.Why, "mismatch") })
	if one.Share != 0 {
		t.Errorf("price: %v of the users at a service that is wrong: %s", one.Share, one.Rollout.Action.Why)
	}
}
