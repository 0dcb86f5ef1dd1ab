package telemetry_test

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/telemetry"
)

// reference are OpenTelemetry's own instruments, fed with what we count
// ourselves.
type reference struct {
	requests metric.Int64Counter
	duration metric.Float64Histogram
}

func newReference(t *testing.T, tel *telemetry.Telemetry) reference {
	t.Helper()
	meter := tel.MeterProvider().Meter("reference")
	requests, err := meter.Int64Counter("reference.requests", metric.WithUnit("{request}"))
	if err != nil {
		t.Fatal(err)
	}
	duration, err := meter.Float64Histogram("reference.request.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60))
	if err != nil {
		t.Fatal(err)
	}
	return reference{requests, duration}
}

func (r reference) record(ctx context.Context, d *routes.Decision, took time.Duration) {
	set := metric.WithAttributes(attribute.String("route", d.Route),
		attribute.String("arm", d.Arm.String()), attribute.String("reason", string(d.Reason)))
	r.requests.Add(ctx, 1, set)
	r.duration.Record(ctx, took.Seconds(), set)
}

func families(t *testing.T, tel *telemetry.Telemetry) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(tel.Collector()); err != nil {
		t.Fatal(err)
	}
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, family := range all {
		byName[family.GetName()] = family
	}
	return byName
}

// same compares what a scrape gets of our metric and of the reference.
func same(t *testing.T, tel *telemetry.Telemetry) {
	t.Helper()
	all := families(t, tel)
	for _, name := range []string{"requests_total", "request_duration_seconds"} {
		ours, theirs := all["strangler_"+name], all["reference_"+name]
		if ours.GetType() != theirs.GetType() || ours.GetUnit() != theirs.GetUnit() || len(ours.GetMetric()) != len(theirs.GetMetric()) {
			t.Fatalf("%s: %v, %d series; OpenTelemetry's %v, %d", name,
				ours.GetType(), len(ours.GetMetric()), theirs.GetType(), len(theirs.GetMetric()))
		}
		for i, want := range theirs.GetMetric() {
			have := ours.GetMetric()[i]
			if off := have.GetHistogram().GetSampleSum() - want.GetHistogram().GetSampleSum(); math.Abs(off) > 1e-9 {
				t.Errorf("%s: the sum is off by %v", name, off)
			}
			if !proto.Equal(exact(have), exact(want)) {
				t.Fatalf("%s:\n%v\nOpenTelemetry's own:\n%v", name, have, want)
			}
		}
	}
}

// exact is the metric without what depends on the clock and, to a last bit, on
// the order of additions, and with sorted labels.
func exact(m *dto.Metric) *dto.Metric {
	m = proto.CloneOf(m)
	trim := func(e *dto.Exemplar) {
		if e != nil {
			e.Timestamp = nil
			slices.SortFunc(e.GetLabel(), func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
		}
	}
	trim(m.GetCounter().GetExemplar())
	if h := m.GetHistogram(); h != nil {
		h.SampleSum = nil
	}
	for _, bucket := range m.GetHistogram().GetBucket() {
		trim(bucket.GetExemplar())
	}
	return m
}

func TestRequestsAreCountedAsOpenTelemetryWould(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	reference := newReference(t, tel)
	random := rand.New(rand.NewPCG(1, 2))
	bounds := []time.Duration{1, 25e5, 5e6, 1e9, 25e8, 6e10}
	for i := range 4000 {
		took := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
		if i%4 == 0 { // at a bound, a nanosecond before, one after
			took = bounds[random.IntN(len(bounds))] + time.Duration(random.IntN(3)-1)
		}
		d := routes.Decision{
			Route: []string{"faq", "tickets", "search"}[random.IntN(3)], Arm: routes.Arm(random.IntN(2)),
			Reason: []routes.Reason{routes.ReasonSplit, routes.ReasonHold}[random.IntN(2)],
		}
		tel.Route(d.Route).Record(context.Background(), &d, telemetry.Served{Duration: took})
		reference.record(context.Background(), &d, took)
	}
	same(t, tel)
}

func TestASampledTraceIsAnExemplarAsOpenTelemetryWouldMakeIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	tel := newTelemetry(t, telemetry.Options{Now: func() time.Time { return at }})
	reference := newReference(t, tel)
	d := routes.Decision{Route: "faq", Arm: routes.Service, Reason: routes.ReasonSplit}
	took := []time.Duration{100 * time.Microsecond, time.Millisecond + 1, 3 * time.Second, 2 * time.Minute}
	for i, took := range took {
		for _, flags := range []trace.TraceFlags{trace.FlagsSampled, 0} { // one that is not sampled leaves no trace
			ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID{1, byte(flags), byte(i)}, SpanID: trace.SpanID{2, byte(i)}, TraceFlags: flags,
			}))
			tel.Route("faq").Record(ctx, &d, telemetry.Served{Duration: took})
			reference.duration.Record(ctx, took.Seconds(), metric.WithAttributes(
				attribute.String("route", "faq"), attribute.String("arm", "service"), attribute.String("reason", "split")))
		}
	}
	all := families(t, tel)
	have := all["strangler_request_duration_seconds"].GetMetric()[0]
	if want := all["reference_request_duration_seconds"].GetMetric()[0]; !proto.Equal(exact(have), exact(want)) {
		t.Errorf("%v\nOpenTelemetry's own:\n%v", have, want)
	}
	shown := 0
	for _, bucket := range have.GetHistogram().GetBucket() {
		if e := bucket.GetExemplar(); e != nil {
			shown++
			if !e.GetTimestamp().AsTime().Equal(at) {
				t.Errorf("at %v, want %v", e.GetTimestamp().AsTime(), at)
			}
		}
	}
	if shown != len(took) {
		t.Errorf("%d exemplars, want %d", shown, len(took))
	}
	last := exact(all["strangler_requests_total"].GetMetric()[0]).GetCounter().GetExemplar()
	if last.GetValue() != 1 || last.GetLabel()[1].GetValue() != "01010300000000000000000000000000" {
		t.Errorf("the counter's exemplar is %v, want the last request of a sampled trace", last)
	}
}

// Contention: all processors count requests of one series.
func BenchmarkRecordParallel(b *testing.B) {
	tel := newTelemetry(b, telemetry.Options{})
	route, ctx := tel.Route("r"), context.Background()
	d := routes.Decision{Reason: routes.ReasonSplit, Arm: routes.Service}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			route.Record(ctx, &d, telemetry.Served{Duration: 123 * time.Microsecond})
		}
	})
}
