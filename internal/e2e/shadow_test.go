package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/routes"
)

const shadowTable = `targets:
  monolith: { url: http://MONOLITH }
  faq: { url: http://FAQ }
  hung: { url: http://HUNG }
monolith: monolith
routes:
  - name: faq-read
    match: GET /v1/faq/{id}
    owner: kb
    service: faq
    fallback: []
    shadow: { presets: [django] }
    rollout: { steps: [50], every: 1s, gates: { requests: 1, compared: 200, mismatch_below: 5 } }
  - name: tickets
    match: GET /v1/tickets/{rest...}
    owner: kb
    shadow: { target: hung, timeout: 300ms }
`

func shadowConfig(monolith, faq, hung string) testbed.Config {
	return func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.NewReplacer("MONOLITH", monolith, "FAQ", faq, "HUNG", hung).Replace(shadowTable)
	}
}

// shadowed is how comparing a route goes, once what was sampled is over.
func shadowed(t *testing.T, s *testbed.Strangler, route string, sampled uint64) (one engine.ShadowRoute) {
	t.Helper()
	testbed.WaitFor(t, fmt.Sprintf("%d comparisons of %s", sampled, route), func() bool {
		for _, r := range s.Shadow(t).Routes {
			over := uint64(0)
			for _, n := range r.Buckets {
				over += n
			}
			if r.Route == route && r.Sampled == sampled && over == sampled {
				one = r
				return true
			}
		}
		return false
	})
	return one
}

// The Go service is compared with Django while Django serves: nobody gets an
// answer of the service before enough was compared, the evidence outlives the
// process, and then the rollout takes its first step.
func TestShadowOfDjangoOpensTheGate(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	service := testbed.StartFAQ(t, django.Database())
	proxy := testbed.StartStrangler(t, shadowConfig(django.Address, service.Address, "127.0.0.1:1"))
	proxy.Verb(t, "rollout/start", `{"route":"faq-read","by":"ann"}`)
	if share := proxy.Route(t, "faq-read").Share; share != 0 {
		t.Fatalf("%v at the service before anything was compared", share)
	}
	crowd := newCrowd(t, proxy.URL(""))
	crowd.jars = crowd.jars[:150]
	if n := count(crowd.ask()); n != 0 {
		t.Fatalf("%d users on the service", n)
	}
	before := shadowed(t, proxy, "faq-read", 150)
	t.Logf("150 requests: %v", before.Buckets)
	if before.Verdict.Compared != 150 || before.Verdict.Mismatched != 0 {
		t.Errorf("%+v", before.Verdict)
	}
	proxy.WaitRoute(t, "faq-read", "wait for comparisons", func(r engine.RouteStatus) bool {
		return strings.Contains(r.Rollout.Action.Why, "150 of 200 comparisons")
	})

	proxy.Stop()
	proxy.Start()
	if after := shadowed(t, proxy, "faq-read", 0); after.Verdict.Compared != 150 {
		t.Errorf("after a restart: %+v", after.Verdict)
	}
	crowd = newCrowd(t, proxy.URL(""))
	crowd.jars = crowd.jars[:50]
	crowd.ask()
	moved := proxy.WaitRoute(t, "faq-read", "take its first step", func(r engine.RouteStatus) bool { return r.Share == routes.One/2 })
	t.Logf("moved by %s: %s", moved.By, moved.Reason)
}

// timed asks and says what came, and how long it took.
func timed(t *testing.T, client *http.Client, url string) (sum [32]byte, took time.Duration) {
	t.Helper()
	start := time.Now()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v\n%s", response.Status, err, body)
	}
	return sha256.Sum256(body), time.Since(start)
}

// A shadow that never answers costs clients neither bytes nor time, and what was
// sampled ends in buckets all the same.
func TestHungShadowChangesNothing(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	proxy := testbed.StartStrangler(t, shadowConfig(django.Address, "127.0.0.1:1", strings.TrimPrefix(upstream.Hung(t).URL, "http://")))
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	const asked = 150
	direct, behind := make([]time.Duration, 0, asked), make([]time.Duration, 0, asked)
	for range asked {
		want, took := timed(t, client, django.URL("/v1/tickets/1"))
		direct = append(direct, took)
		got, took := timed(t, client, proxy.URL("/v1/tickets/1"))
		behind = append(behind, took)
		if got != want {
			t.Fatal("the bytes differ")
		}
	}
	slices.Sort(direct)
	slices.Sort(behind)
	t.Logf("median %v directly, %v with a hung shadow; 95th percentile %v and %v", direct[asked/2], behind[asked/2], direct[asked*95/100], behind[asked*95/100])
	if most := 2*direct[asked/2] + 20*time.Millisecond; behind[asked/2] > most {
		t.Errorf("median %v with a hung shadow, %v directly", behind[asked/2], direct[asked/2])
	}
	one := shadowed(t, proxy, "tickets", asked)
	t.Logf("%v", one.Buckets)
	if ended := one.Buckets["shadow_timeout"]; ended == 0 || ended+one.Buckets["dropped_queue_full"] != asked { // who waits too long is dropped
		t.Errorf("%d requests of a hung shadow: %v", asked, one.Buckets)
	}
}
