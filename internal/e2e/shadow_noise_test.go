package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const noisyTable = `targets: { monolith: { url: "http://MONOLITH" }, other: { url: "http://OTHER" } }
monolith: monolith
routes:
  - { name: same, match: "GET /faq/1/{$}", owner: kb, shadow: { target: other, presets: [django] }, rollout: { steps: [50], gates: { compared: 300, mismatch_below: 1 } } }
  - { name: changed, match: "GET /faq/2/{$}", owner: kb, shadow: { target: other, presets: [django] } }
`

// stampedPages makes each page say when it was made, in a paragraph of its own.
var stampedPages = []string{
	`import time`,
	`MIDDLEWARE = MIDDLEWARE + ["othersettings.stamp"]`,
	`def stamp(get_response):`,
	`    def middleware(request):`,
	`        response = get_response(request)`,
	`        response.content = response.content.replace(b"<main>", b"<main><p>%.7f</p>" % time.time())`,
	`        return response`,
	`    return middleware`,
}

// Two real Djangos whose every page has the time in it, asked as fast as they
// answer, with the default budget and no rule: the noise is learned and named a
// blind spot, the gate is met; and the paragraph beside it, in which the other
// one differs, is still found.
func TestAClockInEveryPageOfABusyRoute(t *testing.T) {
	t.Parallel()
	monolith, other := testbed.StartHelpdesk(t, stampedPages...), testbed.StartHelpdesk(t, stampedPages...)
	k := &known{t: t, desk: other}
	k.manage(`from faq.models import Question; Question.objects.filter(pk=2).update(answer="Something else.")`)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.NewReplacer("MONOLITH", monolith.Address, "OTHER", other.Address).Replace(noisyTable)
	})
	start, asked := time.Now(), 0
	var same, changed *report.Route
	for asked < 20_000 {
		askPages(t, proxy, 100)
		asked += 400
		same, changed = reportOf(t, proxy, "same"), reportOf(t, proxy, "changed")
		if len(same.Noise) > 0 && len(changed.Noise) > 0 && same.Verdict.State == report.Met {
			break
		}
	}
	t.Logf("%d pages in %v: same %v, %d mismatches, %+v; changed %v, %d mismatches of %d", asked, time.Since(start),
		same.Verdict.State, same.Verdict.Mismatched, same.Noise, changed.Verdict.State, changed.Verdict.Mismatched, changed.Verdict.Compared)
	if same.Verdict.State != report.Met || len(same.Noise) != 1 || same.Noise[0].State != report.NoiseBlind || !strings.Contains(same.Noise[0].Rule, same.Noise[0].Place[:20]) {
		t.Errorf("same: %+v %+v", same.Verdict, same.Noise)
	}
	if changed.Verdict.State != report.Failing || changed.Verdict.Mismatched*10 < changed.Verdict.Compared*9 || len(changed.Noise) != 1 {
		t.Errorf("changed: %+v %+v", changed.Verdict, changed.Noise)
	}
	for _, r := range []*report.Route{same, changed} {
		sum := uint64(0)
		for _, b := range r.Coverage.Buckets {
			sum += b.Count
		}
		if sum != r.Coverage.Sampled {
			t.Errorf("%s: buckets %d, sampled %d", r.Route, sum, r.Coverage.Sampled)
		}
	}
	proxy.Stop()
	proxy.Start()
	if after := reportOf(t, proxy, "same"); len(after.Noise) != 1 || after.Noise[0].Pairs < 20 || after.Verdict.Mismatched != same.Verdict.Mismatched {
		t.Errorf("after a restart: %+v %+v", after.Verdict, after.Noise)
	}
}

// askPages has four clients ask for both pages, each so many times, and waits
// until all is compared.
func askPages(t *testing.T, proxy *testbed.Strangler, each int) {
	t.Helper()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for i := range each {
				response, err := http.Get(proxy.URL([...]string{"/faq/1/", "/faq/2/"}[i%2]))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
	clients.Wait()
	testbed.WaitFor(t, "all to be compared", func() bool {
		for _, r := range proxy.Shadow(t).Routes {
			if r.Open+r.Queued+r.InFlight > 0 {
				return false
			}
		}
		return true
	})
}

func reportOf(t *testing.T, proxy *testbed.Strangler, route string) *report.Route {
	t.Helper()
	var all report.Report
	if err := json.Unmarshal([]byte(proxy.MustCommand(t, "shadow", "report", "--route", route, "--json")), &all); err != nil {
		t.Fatal(err)
	}
	return &all.Routes[0]
}
