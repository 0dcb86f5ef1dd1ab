package engine

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

func TestTargetsOutliveTablesThatLeaveThemAlone(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	monolith, faq := b.view.Load().targets["monolith"], b.view.Load().targets["faq"]
	b.write("# moved down by a line\n" + strings.Replace(mixed, "url: SERVICE", "url: SERVICE, owner: kb", 1))
	must(t, b.Reload())
	equal(t, "monolith", b.view.Load().targets["monolith"], monolith)
	equal(t, "faq", b.view.Load().targets["faq"], faq)
	b.write(strings.Replace(mixed, "url: SERVICE", "url: SERVICE, max_in_flight: 7", 1))
	must(t, b.Reload())
	equal(t, "monolith", b.view.Load().targets["monolith"], monolith)
	if b.view.Load().targets["faq"] == faq {
		t.Error("new settings, old target")
	}
	equal(t, "served by", b.servedBy("/full/1", nil), "service")
}

// TestEverySettingOfATargetIsCompared fails when a target has a new field:
// then sameSettings must know it, or it is listed here as not a setting.
func TestEverySettingOfATargetIsCompared(t *testing.T) {
	t.Parallel()
	compared := map[string]bool{"URLs": true, "Timeouts": true, "MaxInFlight": true, "Breaker": true}
	words := map[string]bool{"Name": true, "Owner": true, "Docs": true, "Line": true, "Build": true}
	for field := range reflect.TypeFor[routes.Target]().Fields() {
		if field.IsExported() && !compared[field.Name] && !words[field.Name] {
			t.Errorf("is %s a setting?", field.Name)
		}
	}
}

// block is a target block: it answers like a backend.
type block struct{ name string }

func (b block) Serve(w http.ResponseWriter, r *http.Request, c *proxy.Call) error {
	w.Header().Set("X-Served-By", b.name)
	path := r.URL.Path
	if c.Path != "" {
		path = c.Path
	}
	_, err := fmt.Fprintf(w, "%s %s", b.name, path)
	return err
}

const blocky = `
targets:
  monolith: {}
  faq: {}
monolith: monolith
routes:
  - { name: full, match: "/full/{id}", service: faq, percent: 100, rewrite: "/v2/{id}", fallback: [connect] }
`

func TestBlocksOfASiteServeTargetsWithoutURL(t *testing.T) {
	t.Parallel()
	b := newBed(t, blocky, withSite(Site{"monolith": block{"m"}, "faq": block{"f"}}))
	b.results = make(chan Result, 1)
	_, body := b.do(http.MethodGet, "/full/1", nil)
	equal(t, "body", body, "f /v2/1")
	<-b.results
	b.site = Site{"monolith": block{"m"}}
	_, body = b.do(http.MethodGet, "/full/1", nil)
	result := <-b.results
	equal(t, "body", body, "m /full/1")
	equal(t, "reason", result.Decision.Reason, ReasonNoTarget)
	equal(t, "arm", result.Decision.Arm, routes.Monolith)
	b.site = nil
	response, _ := b.do(http.MethodGet, "/full/1", nil)
	<-b.results
	equal(t, "status", response.StatusCode, http.StatusServiceUnavailable)
	b.site = Site{"faq": block{"f"}}
	_, body = b.do(http.MethodGet, "/full/1", nil)
	equal(t, "body without a monolith", body, "f /v2/1")
	<-b.results
	equal(t, "blocks", fmt.Sprint(b.Status().Blocks), "[faq monolith]")
}

func TestTableThatNeedsWhatNoSiteOffersIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	withdraw, err := b.Offer([]string{"monolith"})
	must(t, err)
	b.write(blocky)
	err = b.Reload()
	var refused *RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("reload: %v", err)
	}
	equal(t, "problems", len(refused.Problems), 1)
	problem := refused.Problems[0]
	equal(t, "line", problem.Line, 4)
	equal(t, "text", problem.Text, "faq")
	equal(t, "route", problem.Route, "full")
	// The next configuration has the block: the table comes into force with it.
	withdrawNext, err := b.Offer([]string{"monolith", "faq"})
	must(t, err)
	withdraw()
	withdraw()
	equal(t, "refused", b.Status().Refused, nil)
	if b.Table().Entry("faq") != nil {
		t.Error("the old table runs")
	}
	// A configuration that lacks what the table needs is refused.
	if _, err := b.Offer([]string{"faq", "other"}); !errors.Is(err, ErrNoTarget) || !strings.Contains(err.Error(), "monolith") {
		t.Errorf("offer: %v", err)
	}
	withdrawNext()
	must(t, b.Reload()) // nobody tells: nothing is known
}
