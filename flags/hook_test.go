package flags

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestTelemetryOfEvaluations(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	spans := tracetest.NewInMemoryExporter()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)).Tracer("test")
	path := flagFile(t, targeted)
	e := start(t, Options{Sources: []Source{FlagdFile(path)}, Meter: meters.Meter("test")})

	ctx, span := tracer.Start(context.Background(), "request")
	for range 3 { // the cache answers the second and the third
		e.Decide(ctx, &Query{Flag: "tickets", Key: "secret-person@example.com"})
		e.Decide(ctx, &Query{Flag: "none", Key: "secret-person@example.com"})
	}
	span.End()

	events := spans.GetSpans()[0].Events
	if len(events) != 2 || events[0].Name != "feature_flag.evaluation" {
		t.Fatalf("events: %+v", events)
	}
	found := attribute.NewSet(events[0].Attributes...)
	want := attribute.NewSet(
		attribute.String("feature_flag.key", "tickets"), attribute.String("feature_flag.provider.name", "flagd"),
		attribute.String("feature_flag.result.variant", "service"), attribute.String("feature_flag.result.reason", "targeting_match"))
	if found != want {
		t.Errorf("event: %v, want %v", found.Encoded(attribute.DefaultEncoder()), want.Encoded(attribute.DefaultEncoder()))
	}

	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		var points []metricdata.DataPoint[int64]
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			points = data.DataPoints
		case metricdata.Gauge[int64]:
			points = data.DataPoints
		}
		for _, p := range points {
			got[m.Name+"{"+p.Attributes.Encoded(attribute.DefaultEncoder())+"}"] = p.Value
		}
	}
	expected := map[string]int64{
		"strangler.flag.evaluations{feature_flag.key=tickets,feature_flag.provider.name=flagd,feature_flag.result.reason=targeting_match,feature_flag.result.variant=service}": 1,
		"strangler.flag.evaluations{error.type=flag_not_found,feature_flag.key=none,feature_flag.provider.name=flagd,feature_flag.result.reason=error}":                        1,
		"strangler.flag.answers{reason=targeting_match}":                 3,
		"strangler.flag.answers{error_type=flag_not_found,reason=error}": 3,
		"strangler.flag.cache.entries{}":                                 2,
		"strangler.flag.cache.evictions{}":                               0,
	}
	for key := range got {
		if strings.HasPrefix(key, "strangler.flag.source.ready{source=flagd_file ") && got[key] == 1 {
			delete(got, key)
		}
		if strings.Contains(key, "secret-person") {
			t.Errorf("a metric tells who it was: %s", key)
		}
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}
