package telemetry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"github.com/strangler-proxy/strangler/routes"
)

// scope is the instrumentation scope of every instrument here.
const scope = "github.com/strangler-proxy/strangler"

// Options for New.
type Options struct {
	// Version is Strangler's own, for the resource attributes. May be empty.
	Version string
	// MaxRoutes is how many routes get series of their own, in the order of
	// their first requests; further ones share the route label "_other".
	// Default 1000.
	MaxRoutes int
	// Now is the clock of exemplars and exported points. Nil: time.Now.
	Now func() time.Time
}

// Telemetry owns the meter provider, the instruments, and the counts of
// requests. Its methods may be
// called concurrently.
type Telemetry struct {
	provider  *sdkmetric.MeterProvider
	collector prometheus.Collector

	failures metric.Int64Counter
	reloads  metric.Int64Counter
	compared metric.Float64Histogram

	version string
	now     func() time.Time
	started time.Time

	maxRoutes   int
	none, other label
	mu          sync.Mutex        // guards what follows
	labels      map[string]*label // by route
	shown       []*label          // those, none and other
}

// New makes the provider and its instruments.
func New(o Options) (*Telemetry, error) {
	if o.MaxRoutes <= 0 {
		o.MaxRoutes = 1000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Telemetry{version: o.Version, now: o.Now, started: o.Now(), maxRoutes: o.MaxRoutes, labels: map[string]*label{}}
	t.none.name, t.other.name = noRoute, otherRoutes
	t.shown = []*label{&t.none, &t.other}
	exporter, err := promexporter.New(
		promexporter.WithRegisterer(captured{&t.collector}),
		promexporter.WithProducer(producer{t}),
		promexporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
		promexporter.WithoutScopeInfo(),
		promexporter.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("prometheus exporter: %w", err)
	}
	t.provider = sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(exporter),
		sdkmetric.WithResource(resource.NewSchemaless(
			semconv.ServiceName("strangler"), semconv.ServiceVersion(o.Version))),
		// Twice the names we allow, times arm and reason: the SDK's own limit is
		// a second lock on the door, never the one that closes first.
		sdkmetric.WithCardinalityLimit(2*(o.MaxRoutes+2)*2*len(reasons)),
	)
	return t, t.instruments(t.provider.Meter(scope, metric.WithInstrumentationVersion(o.Version)))
}

// MeterProvider is the provider behind the collector, for instruments of
// other packages.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.provider }

// Collector is the one collector of everything recorded. It describes no
// metric beforehand ("unchecked"), so a registry accepts it twice and then
// fails to gather: register it once per registry.
func (t *Telemetry) Collector() prometheus.Collector { return t.collector }

// Close ends the provider. What is recorded afterwards is not exported.
func (t *Telemetry) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Reloaded counts one attempt to load the route table.
func (t *Telemetry) Reloaded(ctx context.Context, accepted bool) {
	option := reloadRefused
	if accepted {
		option = reloadAccepted
	}
	t.reloads.Add(ctx, 1, option...)
}

func (t *Telemetry) instruments(meter metric.Meter) error {
	var errs [3]error
	t.failures, errs[0] = meter.Int64Counter("strangler.request.errors",
		metric.WithUnit("{error}"),
		metric.WithDescription("Failures of an arm, by decision, kind, and whether the monolith answered instead. What the client broke is not counted."))
	t.reloads, errs[1] = meter.Int64Counter("strangler.table.reloads",
		metric.WithUnit("{reload}"),
		metric.WithDescription("Attempts to load the route table, by result."))
	t.compared, errs[2] = meter.Float64Histogram("strangler.shadow.duration",
		metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(boundSeconds...),
		metric.WithDescription("Time that a sampled request keeps a worker: from the queue, which is not in it, to its bucket, asking again included."))
	return errors.Join(errs[:]...)
}

// reasons are all reasons a decision can have; their place is their index in a
// Route's series.
var reasons = [...]routes.Reason{
	routes.ReasonSplit, routes.ReasonFull, routes.ReasonOff, routes.ReasonNoKey,
	routes.ReasonNoService, routes.ReasonNoRoute, routes.ReasonHold, routes.ReasonBrake,
	routes.ReasonAmbiguousPath, routes.ReasonAmbiguousCondition, routes.ReasonNoState,
	"no_target", "pinned", // the engine's own
	"ambiguous_session", "session_unavailable", "anonymous", "no_token", "csrf_unclear", "unauthenticated", "login", "csrf",
	routes.ReasonFlag, routes.ReasonFlagUnavailable,
	"other",
}

// captured is a registerer that keeps the exporter's collector, which the
// exporter gives to nobody else.
type captured struct{ collector *prometheus.Collector }

// Register implements prometheus.Registerer.
func (c captured) Register(collector prometheus.Collector) error {
	*c.collector = collector
	return nil
}

// MustRegister implements prometheus.Registerer.
func (c captured) MustRegister(collectors ...prometheus.Collector) {
	for _, collector := range collectors {
		*c.collector = collector
	}
}

// Unregister implements prometheus.Registerer.
func (captured) Unregister(prometheus.Collector) bool { return false }
