package engine

import (
	"net/http"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/flags/ofrepserver"
)

// What a service is told has OpenFeature's reasons, and follows brake, hold and
// share as requests do.
func TestRouteFlagsFollowTheDecision(t *testing.T) {
	t.Parallel()
	b := targetingBed(t)
	flags := b.RouteFlags()
	want := func(what, route string, value bool, reason string, about ofrepserver.Context) {
		t.Helper()
		flag, there := flags.Evaluate(t.Context(), route, about)
		if !there || flag.Value != value || flag.Reason != reason {
			t.Errorf("%s: %t, %+v", what, there, flag)
		}
	}
	ann := ofrepserver.Context{"targetingKey": "ann"}
	want("100 %", "full", true, "STATIC", nil)
	want("a flag for everybody", "same", true, "STATIC", nil)
	want("a rule", "by-key", true, "TARGETING_MATCH", ann)
	want("a rule, without a key", "by-key", false, "TARGETING_MATCH", nil)
	context := ofrepserver.Context{
		"targetingKey": "ann", "method": "GET", "path": "/context/a", "host": "shop.example.com", "ip": "192.0.2.7",
		"headers": map[string]any{"X-Beta": "yes"},
	}
	want("attributes", "context", true, "TARGETING_MATCH", context)
	context["headers"] = "yes"
	want("attributes of another shape", "context", false, "TARGETING_MATCH", context)
	if _, there := flags.Evaluate(t.Context(), "none", ann); there {
		t.Error("a flag of no route")
	}
	_, err := b.Hold(t.Context(), "full", time.Time{}, act)
	must(t, err)
	want("held", "full", false, "DISABLED", ann)
	_, err = b.Brake(t.Context(), act)
	must(t, err)
	for _, flag := range flags.EvaluateAll(t.Context(), ann) {
		if flag.Value || flag.Reason != "DISABLED" {
			t.Errorf("with the brake on: %+v", flag)
		}
	}
	b.do(http.MethodGet, "/same", nil)
	if d := (<-b.results).Decision; d.Reason != "brake" {
		t.Errorf("%+v", d)
	}
}
