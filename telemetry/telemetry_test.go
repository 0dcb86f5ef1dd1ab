package telemetry_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTelemetry(tb testing.TB, o telemetry.Options) *telemetry.Telemetry {
	tb.Helper()
	made, err := telemetry.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := made.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return made
}

// gather is everything that a registry of its own sees, as lines of
// name{label="value",…}, sorted labels, with counter and gauge values and the
// counts of histograms.
func gather(t *testing.T, from *telemetry.Telemetry) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry() // as Caddy's are
	if err := registry.Register(from.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			lines[family.GetName()+labels(metric)] = metric.GetCounter().GetValue() +
				metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return lines
}

func labels(metric *dto.Metric) string {
	all := make([]string, 0, len(metric.GetLabel()))
	for _, pair := range metric.GetLabel() {
		all = append(all, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
	}
	slices.Sort(all)
	return "{" + strings.Join(all, ",") + "}"
}

func want(t *testing.T, have map[string]float64, line string, value float64) {
	t.Helper()
	got, ok := have[line]
	if !ok || got != value {
		t.Errorf("%s is %v (there: %t), want %v; have\n%s", line, got, ok, value,
			strings.Join(slices.Sorted(maps.Keys(have)), "\n"))
	}
}

func TestRequestsCountByRouteArmAndReason(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	ctx := context.Background()
	faq := tel.Route("faq")
	split := routes.Decision{Route: "faq", Arm: routes.Service, Reason: routes.ReasonSplit}
	faq.Record(ctx, &split, telemetry.Served{Duration: 3 * time.Millisecond})
	faq.Record(ctx, &split, telemetry.Served{Duration: time.Second, Failure: "connect", Fallback: true})
	faq.Record(ctx, &routes.Decision{Reason: routes.ReasonHold}, telemetry.Served{})
	tel.Route("").Record(ctx, &routes.Decision{Reason: routes.ReasonNoRoute}, telemetry.Served{})
	faq.Record(ctx, &routes.Decision{Reason: "a word of a later version"}, telemetry.Served{})
	have := gather(t, tel)
	want(t, have, `strangler_requests_total{arm="service",reason="split",route="faq"}`, 2)
	want(t, have, `strangler_request_duration_seconds{arm="service",reason="split",route="faq"}`, 2)
	want(t, have, `strangler_request_errors_total{arm="service",error_type="connect",fallback="true",reason="split",route="faq"}`, 1)
	want(t, have, `strangler_requests_total{arm="monolith",reason="hold",route="faq"}`, 1)
	want(t, have, `strangler_requests_total{arm="monolith",reason="no_route",route="_none"}`, 1)
	want(t, have, `strangler_requests_total{arm="monolith",reason="other",route="faq"}`, 1)
}

func TestEveryReasonHasItsOwnSeries(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	all := []routes.Reason{
		routes.ReasonBrake, routes.ReasonHold, routes.ReasonAmbiguousPath, routes.ReasonAmbiguousCondition,
		routes.ReasonNoRoute, routes.ReasonNoService, routes.ReasonNoState, routes.ReasonFlag, routes.ReasonFlagUnavailable, routes.ReasonOff,
		routes.ReasonFull, routes.ReasonNoKey, routes.ReasonSplit, "no_target",
	}
	for _, reason := range all {
		tel.Route("r").Record(context.Background(), &routes.Decision{Reason: reason}, telemetry.Served{})
	}
	have := gather(t, tel)
	for _, reason := range all {
		want(t, have, fmt.Sprintf(`strangler_requests_total{arm="monolith",reason=%q,route="r"}`, reason), 1)
	}
}

func TestCountersGoOnInTheNextRegistry(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	d := routes.Decision{Reason: routes.ReasonOff}
	tel.Route("r").Record(context.Background(), &d, telemetry.Served{})
	gather(t, tel)
	tel.Route("r").Record(context.Background(), &d, telemetry.Served{})
	want(t, gather(t, tel), `strangler_requests_total{arm="monolith",reason="off",route="r"}`, 2)
}

func TestRoutesBeyondTheLimitShareOneLabel(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{MaxRoutes: 3})
	d := routes.Decision{Reason: routes.ReasonOff}
	for i := range 100 {
		tel.Route(fmt.Sprint("silent", i)) // in the table, but nobody asks for it
	}
	for i := range 10 {
		tel.Route(fmt.Sprint("r", i)).Record(context.Background(), &d, telemetry.Served{})
	}
	tel.Route("").Record(context.Background(), &d, telemetry.Served{})
	have := gather(t, tel)
	want(t, have, `strangler_requests_total{arm="monolith",reason="off",route="r2"}`, 1)
	want(t, have, `strangler_requests_total{arm="monolith",reason="off",route="_other"}`, 7)
	want(t, have, `strangler_requests_total{arm="monolith",reason="off",route="_none"}`, 1)
	count := 0
	for line := range have {
		if strings.HasPrefix(line, "strangler_requests_total") {
			count++
		}
	}
	if count != 5 {
		t.Errorf("%d series, want 5", count)
	}
}

func TestRecordingFromManyGoroutinesLosesNothing(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				tel.Route("r").Record(context.Background(), &routes.Decision{Reason: routes.ReasonFull, Arm: routes.Service},
					telemetry.Served{Failure: "timeout"})
			}
		})
	}
	all.Wait()
	have := gather(t, tel)
	want(t, have, `strangler_requests_total{arm="service",reason="full",route="r"}`, 4000)
	want(t, have, `strangler_request_errors_total{arm="service",error_type="timeout",fallback="false",reason="full",route="r"}`, 4000)
}

func TestRecordingAllocatesNothing(t *testing.T) {
	tel := newTelemetry(t, telemetry.Options{})
	route, ctx := tel.Route("r"), context.Background()
	d := routes.Decision{Reason: routes.ReasonFull, Arm: routes.Service}
	if n := testing.AllocsPerRun(1000, func() {
		route.Record(ctx, &d, telemetry.Served{Duration: time.Millisecond})
	}); n != 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
}

func TestGaugesShowTheRunningTable(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	state := telemetry.State{
		TableVersion: "abc", Routes: 7, Holds: 2, Refused: true, Brake: true,
		Targets: []telemetry.TargetState{{Name: "faq", Breaker: "half_open", InFlight: 3}},
	}
	stop, err := tel.Observe(func() telemetry.State { return state })
	if err != nil {
		t.Fatal(err)
	}
	tel.Reloaded(context.Background(), true)
	tel.Reloaded(context.Background(), false)
	have := gather(t, tel)
	for line, value := range map[string]float64{
		`strangler_table_info{version="abc"}`:                      1,
		`strangler_table_routes{}`:                                 7,
		`strangler_table_refused{}`:                                1,
		`strangler_holds{}`:                                        2,
		`strangler_brake{}`:                                        1,
		`strangler_target_in_flight{target="faq"}`:                 3,
		`strangler_target_breaker{state="half_open",target="faq"}`: 1,
		`strangler_target_breaker{state="closed",target="faq"}`:    0,
		`strangler_table_reloads_total{result="accepted"}`:         1,
		`strangler_table_reloads_total{result="refused"}`:          1,
	} {
		want(t, have, line, value)
	}
	state = telemetry.State{TableVersion: "def"}
	if _, old := gather(t, tel)[`strangler_table_info{version="abc"}`]; old {
		t.Error("the old version is still shown")
	}
	stop()
	if _, shown := gather(t, tel)[`strangler_table_routes{}`]; shown {
		t.Error("gauges are shown after stop")
	}
}

func TestAnnotatePutsTheDecisionOnARecordingSpan(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	ctx, span := provider.Tracer("test").Start(context.Background(), "request")
	telemetry.Annotate(ctx, &routes.Decision{
		Route: "faq", Arm: routes.Service, Reason: routes.ReasonSplit, Share: 250_000, Bucket: 17,
	}, "id-1")
	span.End()
	have := map[string]string{}
	for _, attribute := range recorder.Ended()[0].Attributes() {
		have[string(attribute.Key)] = attribute.Value.String()
	}
	for key, value := range map[string]string{
		"strangler.route": "faq", "strangler.arm": "service", "strangler.reason": "split",
		"strangler.share": "250000", "strangler.bucket": "17", "strangler.request_id": "id-1",
	} {
		if have[key] != value {
			t.Errorf("%s is %q, want %q", key, have[key], value)
		}
	}
	telemetry.Annotate(context.Background(), &routes.Decision{}, "") // no span: nothing happens
}

func BenchmarkRecord(b *testing.B) {
	tel := newTelemetry(b, telemetry.Options{})
	route, ctx := tel.Route("r"), context.Background()
	d := routes.Decision{Reason: routes.ReasonSplit, Arm: routes.Service}
	b.ReportAllocs()
	for b.Loop() {
		route.Record(ctx, &d, telemetry.Served{Duration: 123 * time.Microsecond})
	}
}
