package engine

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

const pinnedTable = `
targets: { monolith: { url: MONOLITH }, s: { url: SERVICE } }
monolith: monolith
routes:
  - { name: cart, match: /cart, service: s, owner: o, sticky: "header:X-Tenant", cohort: shop, fallback: [connect, 503], percent: 100, pin_after_failure: 5m }
  - { name: pay, match: /pay, service: s, owner: o, sticky: "header:X-Tenant", cohort: shop, fallback: [], percent: 100, pin_after_failure: 5m }
  - { name: other, match: /other, service: s, owner: o, sticky: "header:X-Tenant", fallback: [], percent: 100 }
`

// TestWhoMetAFailureStaysOnTheMonolith for a while, on all routes of the cohort;
// nobody else does.
func TestWhoMetAFailureStaysOnTheMonolith(t *testing.T) {
	t.Parallel()
	b := newBed(t, pinnedTable)
	unlucky, lucky := http.Header{"X-Tenant": {"7"}}, http.Header{"X-Tenant": {"8"}}
	b.results = make(chan Result, 1)
	ask := func(path string, who http.Header, by string, reason routes.Reason) {
		t.Helper()
		equal(t, path+" served by", b.servedBy(path, who), by)
		equal(t, path+" reason", (<-b.results).Decision.Reason, reason)
	}
	ask("/cart", unlucky, "service", routes.ReasonFull)
	b.service.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	ask("/cart", unlucky, "monolith", routes.ReasonFull) // the fallback
	b.service.answers(nil)
	eventually(t, "pinned", func() bool { return b.Status().Pins.Active == 1 })
	ask("/cart", unlucky, "monolith", ReasonPinned)
	ask("/pay", unlucky, "monolith", ReasonPinned)
	ask("/other", unlucky, "service", routes.ReasonFull)
	ask("/cart", lucky, "service", routes.ReasonFull)
	ask("/cart", nil, "service", routes.ReasonFull) // no key, nobody to remember

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/pay", http.NoBody)
	must(t, err)
	r.Header = unlucky
	x, err := b.Explain(r, clientForTest)
	must(t, err)
	if x.Decision.Reason != ReasonPinned || x.KeySource != "header X-Tenant" {
		t.Errorf("%+v", x)
	}
}

func TestPinsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPins(time.Now())
		for _, running := range []time.Duration{0, 3 * 365 * 24 * time.Hour} { // a process may run for years
			<-time.After(running)
			p.pin("r", "anna", time.Now(), 5*time.Minute)
			<-time.After(4 * time.Minute)
			p.pin("r", "anna", time.Now(), 5*time.Minute) // again: the time begins anew
			<-time.After(4 * time.Minute)
			if !p.pinned("r", "anna", time.Now()) || p.pinned("r", "ben", time.Now()) || p.pinned("other", "anna", time.Now()) {
				t.Error("who is pinned?")
			}
			<-time.After(2 * time.Minute)
			if p.pinned("r", "anna", time.Now()) || p.status(time.Now()).Active != 0 {
				t.Errorf("pinned for too long, %v after the start", running)
			}
		}
	})
}

// TestPinsAreBounded: more failures than places only make some people go back
// to the service early, which is counted.
func TestPinsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := newPins(now)
	const people = 3 * pinSets * pinWays
	for i := range people {
		p.pin("r", fmt.Sprint(i), now, time.Minute)
	}
	active := 0
	for i := range people {
		if p.pinned("r", fmt.Sprint(i), now) {
			active++
		}
	}
	s := p.status(now)
	if s.Active > s.Limit || s.Active < s.Limit*9/10 || active != s.Active || s.Dropped != uint64(people-active) {
		t.Errorf("%d of %d are pinned: %+v", active, people, s)
	}
	wrong := 0
	for i := range 1_000_000 {
		if p.pinned("r", fmt.Sprint("never", i), now) {
			wrong++
		}
	}
	if wrong > 2 {
		t.Errorf("%d of a million strangers are pinned", wrong)
	}
}

func BenchmarkPinned(b *testing.B) {
	p := newPins(time.Now())
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		p.pinned("some-route", "c2f7d5a0-user", now)
	}
}
