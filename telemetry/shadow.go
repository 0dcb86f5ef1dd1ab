package telemetry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// ShadowState is one route's part of State: how comparing it goes.
type ShadowState struct {
	Route string
	// Buckets count the sampled requests by how they ended.
	Buckets map[string]uint64
	// Queued and InFlight are how many wait to be compared, and are.
	Queued, InFlight int64
	// Bytes is what the copies of all routes hold.
	Bytes int64
	// Extra, Again and Marked count requests that were looked at for being rare,
	// were asked again, or said that they were a shadow's.
	Extra, Again, Marked uint64
	// Unanswered counts how often the monolith, or its control, gave no second answer.
	Unanswered uint64
	// Alarm is true while requests are sampled and none is compared.
	Alarm bool
}

// shadowGauges are the observable instruments of comparing.
type shadowGauges struct {
	requests, extra, again, unanswered, marked metric.Int64ObservableCounter
	queued, inFlight, bytes, alarm             metric.Int64ObservableGauge
}

func newShadowGauges(meter metric.Meter) (g shadowGauges, all []metric.Observable, err error) {
	for _, counter := range []struct {
		to          *metric.Int64ObservableCounter
		name, about string
	}{
		{&g.requests, "strangler.shadow.requests", "Sampled requests by the bucket in which they ended; the buckets of a route add up to all that were sampled and are over."},
		{&g.extra, "strangler.shadow.extra", "Requests that were looked at beside the sample because such requests are rare; they count in no rate."},
		{&g.again, "strangler.shadow.asked_again", "Requests with which a side was asked again."},
		{&g.unanswered, "strangler.shadow.second_answers_missing", "Requests with which the monolith, or its control, was asked again and gave no answer; since the route's shadow has its settings."},
		{&g.marked, "strangler.shadow.marked", "Requests that were not mirrored because they said that they were a shadow's. Anybody can say so."},
	} {
		made, err := meter.Int64ObservableCounter(counter.name, metric.WithUnit("{request}"), metric.WithDescription(counter.about))
		if err != nil {
			return g, nil, fmt.Errorf("counter %s: %w", counter.name, err)
		}
		*counter.to, all = made, append(all, made)
	}
	for _, gauge := range []struct {
		to                *metric.Int64ObservableGauge
		name, unit, about string
	}{
		{&g.queued, "strangler.shadow.queued", "{request}", "Requests that wait to be compared."},
		{&g.inFlight, "strangler.shadow.in_flight", "{request}", "Requests that are being compared."},
		{&g.bytes, "strangler.shadow.copies", "By", "What the copies of requests and answers of all routes hold."},
		{&g.alarm, "strangler.shadow.alarm", "", "1 while requests of the route are sampled and none is compared."},
	} {
		made, err := meter.Int64ObservableGauge(gauge.name, metric.WithUnit(gauge.unit), metric.WithDescription(gauge.about))
		if err != nil {
			return g, nil, fmt.Errorf("gauge %s: %w", gauge.name, err)
		}
		*gauge.to, all = made, append(all, made)
	}
	return g, all, nil
}

func (g *shadowGauges) show(o metric.Observer, shadows []ShadowState) {
	for i, s := range shadows[:min(len(shadows), maxShadows)] {
		route := attribute.String("route", s.Route)
		with := metric.WithAttributes(route)
		for bucket, n := range s.Buckets {
			o.ObserveInt64(g.requests, int64(n), metric.WithAttributes(route, attribute.String("bucket", bucket)))
		}
		o.ObserveInt64(g.extra, int64(s.Extra), with)
		o.ObserveInt64(g.again, int64(s.Again), with)
		o.ObserveInt64(g.unanswered, int64(s.Unanswered), with)
		o.ObserveInt64(g.marked, int64(s.Marked), with)
		o.ObserveInt64(g.queued, s.Queued, with)
		o.ObserveInt64(g.inFlight, s.InFlight, with)
		o.ObserveInt64(g.alarm, flag(s.Alarm), with)
		if i == 0 {
			o.ObserveInt64(g.bytes, s.Bytes)
		}
	}
}

// Compared records how long a sampled request of a route kept a worker.
func (t *Telemetry) Compared(ctx context.Context, route string, took time.Duration) {
	t.compared.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("route", t.labelOf(route).name)))
}
