package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

func TestVerbsAreCheckedAgainstTheTable(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	ctx := context.Background()
	_, err := b.Set(ctx, "fac", routes.One, act)
	if !errors.Is(err, ErrUnknownRoute) || !strings.Contains(err.Error(), "did you mean faq?") {
		t.Errorf("unknown: %v", err)
	}
	_, err = b.Hold(ctx, "zzzzzz", time.Time{}, act)
	if !errors.Is(err, ErrUnknownRoute) || strings.Contains(err.Error(), "mean") {
		t.Errorf("unknown: %v", err)
	}
	_, err = b.Set(ctx, "plain", routes.One, act)
	if !errors.Is(err, ErrNoService) {
		t.Errorf("no service: %v", err)
	}
	_, err = b.Hold(ctx, "plain", time.Time{}, act)
	if !errors.Is(err, ErrNoService) {
		t.Errorf("no service: %v", err)
	}
	_, err = b.Set(ctx, "full", 0, act)
	if !errors.Is(err, ErrDeclared) || !strings.Contains(err.Error(), b.path+":9") || !strings.Contains(err.Error(), "100") {
		t.Errorf("declared: %v", err)
	}
	// A hold is stronger than what the table declares.
	_, err = b.Hold(ctx, "full", time.Time{}, act)
	must(t, err)
	equal(t, "served by", b.servedBy("/full/1", nil), "monolith")
	_, err = b.Release(ctx, "full", act)
	must(t, err)
	for err, want := range map[error]int{
		nil: 200, ErrNoTable: 503, ErrConnect: 405, &DeclaredError{}: 422, &UnknownRouteError{}: 404,
		fmt.Errorf("x: %w", ErrNoService): 422, &RefusedError{}: 422, &rollout.Conflict{}: 409,
		rollout.ErrReasonRequired: 400, rollout.ErrNotHeld: 422, rollout.ErrNotStored: 503,
		&proxy.Failure{Status: 504}: 504, errors.New("x"): 500,
	} {
		equal(t, fmt.Sprint(err), HTTPStatus(err), want)
	}
}

func TestRolloutStatusSaysHowMuchAndWhy(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.set("faq", "12.5")
	_, err := b.Hold(context.Background(), "faq", time.Time{}, act)
	must(t, err)
	status, err := b.RolloutStatus()
	must(t, err)
	equal(t, "routes", len(status.Routes), 6)
	faq, full, plain := status.Routes[0], status.Routes[2], status.Routes[4]
	equal(t, "share", faq.Share, routes.PPM(125_000))
	equal(t, "percent", faq.Percent, 12.5)
	equal(t, "effective", faq.Effective, 0)
	equal(t, "held by", faq.Hold.By, "ann")
	equal(t, "by", faq.By, "ann")
	equal(t, "reason", faq.Reason, "a test")
	equal(t, "known", faq.Known, true)
	equal(t, "breaker", faq.Breaker, "closed")
	equal(t, "cohort", faq.Cohort, "faq")
	if faq.Salt == "" || faq.Version != 2 || faq.Since.IsZero() || faq.Unsaved {
		t.Errorf("faq: %+v", faq)
	}
	equal(t, "declared share", full.Effective, routes.One)
	equal(t, "declared at", fmt.Sprint(*full.Declared), fmt.Sprint(Declared{b.path, 9}))
	equal(t, "no service", plain.Effective, 0)
	_, err = b.Brake(context.Background(), act)
	must(t, err)
	status, err = b.RolloutStatus()
	must(t, err)
	equal(t, "brake", status.Brake.Reason, "a test")
	equal(t, "effective under the brake", status.Routes[2].Effective, 0)
	text, err := json.Marshal(status)
	must(t, err)
	for _, word := range []string{`"brake_version":1`, `"hold":{`, `"declared":{"file":`, `"share_ppm":125000`} {
		if !strings.Contains(string(text), word) {
			t.Errorf("no %s in %s", word, text)
		}
	}
}

func TestStatesOfRoutesThatLeftTheTableAreKeptAndShown(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.set("faq", "50")
	_, err := b.Hold(context.Background(), "faq", time.Time{}, act)
	must(t, err)
	equal(t, "held", b.Status().Held, 1)
	b.write(strings.Replace(mixed, "name: faq,", "name: questions, cohort: faq,", 1))
	must(t, b.Reload())
	status := b.Status()
	equal(t, "held", status.Held, 0)
	equal(t, "orphans", len(status.Orphans), 1)
	equal(t, "orphan", status.Orphans[0].Route, "faq")
	_, err = b.Release(context.Background(), "faq", act)
	must(t, err)
	b.write(mixed)
	must(t, b.Reload())
	rollouts, err := b.RolloutStatus()
	must(t, err)
	equal(t, "share when it came back", rollouts.Routes[0].Effective, routes.PPM(500_000))
	text, err := json.Marshal(b.Status())
	must(t, err)
	for _, word := range []string{`"table":{"path":`, `"loaded_at":`, `"held":0`, `"store":{"known":true`, `"targets":[{"name":"faq"`} {
		if !strings.Contains(string(text), word) {
			t.Errorf("no %s in %s", word, text)
		}
	}
}

func TestMetricsShowDecisionsAndState(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	_, err := b.Hold(context.Background(), "faq", time.Time{}, act)
	must(t, err)
	b.do(http.MethodGet, "/full/1", nil)
	b.do(http.MethodGet, "/faq/1", nil)
	b.do(http.MethodGet, "/nowhere", nil)
	b.service.Close()
	b.do(http.MethodGet, "/full/1", nil)
	have := b.metrics()
	for _, line := range []string{
		`strangler_requests_total{arm="service",reason="full",route="full"} 2`,
		`strangler_requests_total{arm="monolith",reason="hold",route="faq"} 1`,
		`strangler_requests_total{arm="monolith",reason="no_route",route="_none"} 1`,
		`strangler_request_errors_total{arm="service",error_type="connect",fallback="true",reason="full",route="full"} 1`,
		`strangler_table_routes 6`,
		`strangler_holds 1`,
		`strangler_brake 0`,
		`strangler_table_reloads_total{result="accepted"} 1`,
		`strangler_target_breaker{state="closed",target="faq"} 1`,
		`strangler_table_info{version="` + b.Table().Version() + `"} 1`,
	} {
		if !strings.Contains(have, line+"\n") {
			t.Errorf("no %s in\n%s", line, have)
		}
	}
}
