package engine

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

const flagged = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE }
monolith: monolith
routes:
  - { name: flagged, match: "/flagged/{id}", service: s, owner: o, sticky: "header:X-User", flag: tickets-service, fallback: [connect] }
  - { name: full, match: "/full/{id}", service: s, owner: o, percent: 100, fallback: [connect] }
`

func withFlags(tb testing.TB, memory *flags.Memory) option {
	tb.Helper()
	evaluator, err := flags.New(flags.Options{Sources: []flags.Source{flags.InMemory(memory)}})
	must(tb, err)
	tb.Cleanup(func() { must(tb, evaluator.Close()) })
	return func(_ *bed, o *Options) { o.Flags = evaluator }
}

func TestFlagDecides(t *testing.T) {
	t.Parallel()
	memory := new(flags.Memory)
	b := newBed(t, flagged, withFlags(t, memory))
	b.results = make(chan Result, 1)
	ask := func() routes.Decision {
		b.do(http.MethodGet, "/flagged/1", nil)
		result := <-b.results
		request, err := http.NewRequest(http.MethodGet, "/flagged/1", nil)
		must(t, err)
		explained, err := b.Explain(request, proxy.Client{})
		must(t, err)
		if explained.Decision != result.Decision {
			t.Errorf("explained as %+v, was %+v", explained.Decision, result.Decision)
		}
		if held := result.Decision.Reason == routes.ReasonHold; !held && (explained.Flag == nil || explained.Flag.Key != "tickets-service") {
			t.Errorf("explained flag: %+v", explained.Flag)
		}
		return result.Decision
	}
	want := func(what string, arm routes.Arm, reason routes.Reason) {
		t.Helper()
		eventually(t, what, func() bool { d := ask(); return d.Arm == arm && d.Reason == reason })
	}
	want("no such flag", routes.Monolith, routes.ReasonFlagUnavailable)
	memory.Set(map[string]bool{"tickets-service": true})
	want("on", routes.Service, routes.ReasonFlag)
	memory.Set(map[string]bool{"tickets-service": false})
	want("off", routes.Monolith, routes.ReasonFlag)
	memory.Set(map[string]bool{"tickets-service": true})
	want("on again", routes.Service, routes.ReasonFlag)
	_, err := b.Hold(t.Context(), "flagged", time.Time{}, act)
	must(t, err)
	want("on, but held", routes.Monolith, routes.ReasonHold)

	status := b.Status().Flags
	if status == nil || status.Errors["FLAG_NOT_FOUND"] == 0 || status.Answers["STATIC"] == 0 {
		t.Errorf("status: %+v", status)
	}
	all, err := b.RolloutStatus()
	must(t, err)
	equal(t, "the flag in the status", all.Routes[0].Flag, "tickets-service")
}

func TestWithoutSourcesAFlagIsTheMonoliths(t *testing.T) {
	t.Parallel()
	b := newBed(t, flagged)
	b.results = make(chan Result, 1)
	b.do(http.MethodGet, "/flagged/1", nil)
	if d := (<-b.results).Decision; d.Arm != routes.Monolith || d.Reason != routes.ReasonFlagUnavailable {
		t.Errorf("%+v", d)
	}
}

// A service may believe the flags in the baggage: nobody else can have put them
// there.
func TestFlagsTravelToServices(t *testing.T) {
	t.Parallel()
	memory := new(flags.Memory)
	memory.Set(map[string]bool{"tickets-service": true})
	b := newBed(t, flagged, withFlags(t, memory))
	forged := http.Header{
		"Baggage":    {"a=1,strangler.flag.admin=true,b=2", "Strangler.flag.tickets-service=false"},
		"Connection": {"baggage"}, "X-User": {"ann"},
	}
	b.do(http.MethodGet, "/flagged/1", forged)
	if got := strings.Join(b.service.seen()["Baggage"], "|"); got != "a=1,b=2|strangler.flag.tickets-service=true" {
		t.Errorf("a service with a flag gets %q", got)
	}
	b.do(http.MethodGet, "/full/1", forged)
	if got := strings.Join(b.service.seen()["Baggage"], "|"); got != "a=1,b=2" {
		t.Errorf("a service without a flag gets %q", got)
	}
	b.do(http.MethodGet, "/else", http.Header{"Baggage": {"strangler.flag.admin=true"}})
	if got := b.monolith.seen()["Baggage"]; got != nil {
		t.Errorf("the monolith gets %q", got)
	}
}
