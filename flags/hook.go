package flags

import (
	"context"
	"strings"
	"sync"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/telemetry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// maxLabels bounds the values of a label that come from route tables and
// providers; further ones are "_other".
const maxLabels = 1000

// observer is an OpenFeature hook that counts evaluations and notes them on the
// request's span, by OpenTelemetry's semantic conventions for feature flags
// (https://opentelemetry.io/docs/specs/semconv/feature-flags/). It runs for
// evaluations only, not for what the cache knows. The context's ID, who the user
// is, is left out.
type observer struct {
	openfeature.UnimplementedHook
	evaluations metric.Int64Counter

	mu   sync.Mutex // guards seen
	seen map[string]bool
}

// Finally implements openfeature.Hook.
func (o *observer) Finally(ctx context.Context, about openfeature.HookContext, details openfeature.InterfaceEvaluationDetails, _ openfeature.HookHints) {
	attributes := []attribute.KeyValue{
		attribute.String(telemetry.FlagKey, o.label(about.FlagKey())),
		attribute.String(telemetry.ProviderNameKey, about.ProviderMetadata().Name),
		attribute.String(telemetry.ResultReasonKey, reasonOf(details.Reason)),
	}
	if details.Variant != "" {
		attributes = append(attributes, attribute.String(telemetry.ResultVariantKey, o.label(details.Variant)))
	}
	if details.ErrorCode != "" {
		attributes = append(attributes, attribute.String(telemetry.ErrorTypeKey, strings.ToLower(string(kindOf(details.ErrorCode)))))
	}
	o.evaluations.Add(ctx, 1, metric.WithAttributes(attributes...))
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.AddEvent(telemetry.FlagEvaluationKey, trace.WithAttributes(attributes...))
	}
}

// reasonOf is a reason as the conventions write it.
func reasonOf(r openfeature.Reason) string {
	if r == openfeature.ErrorReason {
		return "error"
	}
	for _, known := range reasons {
		if r == known {
			return strings.ToLower(string(r))
		}
	}
	return "unknown"
}

// label is the value under which a text is counted.
func (o *observer) label(text string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.seen[text] {
		if len(o.seen) >= maxLabels || len(text) > 256 {
			return "_other"
		}
		o.seen[strings.Clone(text)] = true
	}
	return text
}

// watchEvaluations makes the hook.
func (e *Evaluator) watchEvaluations() error {
	if e.options.Meter == nil {
		return nil
	}
	evaluations, err := e.options.Meter.Int64Counter("strangler.flag.evaluations", metric.WithUnit("{evaluation}"),
		metric.WithDescription("Evaluations of flags by a provider, by OpenTelemetry's conventions; answers from the cache are none."))
	if err != nil {
		return err
	}
	e.hook = &observer{evaluations: evaluations, seen: map[string]bool{}}
	return nil
}

// measure shows what Status says as metrics.
func (e *Evaluator) measure() error {
	meter := e.options.Meter
	if meter == nil {
		return nil
	}
	answers, err := meter.Int64ObservableCounter("strangler.flag.answers", metric.WithUnit("{answer}"),
		metric.WithDescription("Answers to requests whose route has a flag, by reason, or by error when there was no value and the monolith served."))
	if err != nil {
		return err
	}
	ready, err := meter.Int64ObservableGauge("strangler.flag.source.ready",
		metric.WithDescription("1 when a source of flags is READY, else 0."))
	if err != nil {
		return err
	}
	entries, err := meter.Int64ObservableGauge("strangler.flag.cache.entries", metric.WithUnit("{entry}"),
		metric.WithDescription("Answers that are kept."))
	if err != nil {
		return err
	}
	evictions, err := meter.Int64ObservableCounter("strangler.flag.cache.evictions", metric.WithUnit("{eviction}"),
		metric.WithDescription("Answers that made room for others."))
	if err != nil {
		return err
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		status := e.Status()
		for reason, n := range status.Answers {
			o.ObserveInt64(answers, int64(n), metric.WithAttributes(attribute.String("reason", strings.ToLower(reason))))
		}
		for kind, n := range status.Errors {
			o.ObserveInt64(answers, int64(n), metric.WithAttributes(
				attribute.String("reason", "error"), attribute.String("error_type", strings.ToLower(kind))))
		}
		for _, source := range status.Sources {
			up := int64(0)
			if source.State == string(openfeature.ReadyState) {
				up = 1
			}
			o.ObserveInt64(ready, up, metric.WithAttributes(attribute.String("source", source.Name)))
		}
		o.ObserveInt64(entries, int64(status.Cache.Entries))
		o.ObserveInt64(evictions, int64(status.Cache.Evictions))
		return nil
	}, answers, ready, entries, evictions)
	if err != nil {
		return err
	}
	e.finish = append(e.finish, func() { _ = registration.Unregister() }) // it never fails
	return nil
}
