package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// State is what the gauges show, read at each collection.
type State struct {
	// TableVersion is the running table's version, empty when there is none.
	TableVersion string
	// Routes is how many routes the table has, Holds how many of them are held.
	Routes, Holds int
	// Refused is true while the table's file holds something that was refused.
	Refused bool
	// Brake is true while every route is on the monolith.
	Brake bool
	// Targets are those that we serve ourselves.
	Targets []TargetState
	// Identity is nil when the configuration has none.
	Identity *IdentityState
	// Webhooks are those in use.
	Webhooks []WebhookState
	// Shadows are the routes whose answers are compared.
	Shadows []ShadowState
}

// WebhookState is one webhook's part of State.
type WebhookState struct {
	// Name is what status and log call it; it holds no secret.
	Name string
	// Delivered, Failed and Skipped count since the webhook was configured or the
	// program started; Behind is how many records of the journal it has to be told of.
	Delivered, Failed, Skipped, Behind uint64
}

// TargetState is one target's part of State.
type TargetState struct {
	Name string
	// Breaker is closed, open or half_open.
	Breaker string
	// InFlight is how many requests are under way at the target.
	InFlight int64
}

// maxTargets, maxWebhooks and maxShadows bound the labels; further ones are not shown.
const (
	maxTargets  = 500
	maxWebhooks = 100
	maxShadows  = 500
)

var (
	reloadAccepted = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "accepted")))}
	reloadRefused  = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "refused")))}
	breakerStates  = [...]string{"closed", "open", "half_open"}
)

// gauges are the observable instruments.
type gauges struct {
	info, routes, refused, holds, brake, breaker, inFlight, behind metric.Int64ObservableGauge

	deliveries metric.Int64ObservableCounter
	identity   identityGauges
}

// Observe makes the gauges show what read returns, until stop is called. read
// is called at each collection, from any goroutine.
func (t *Telemetry) Observe(read func() State) (stop func(), err error) {
	meter := t.provider.Meter(scope)
	var g gauges
	all := make([]metric.Observable, 0, 20)
	for _, gauge := range []struct {
		to                *metric.Int64ObservableGauge
		name, unit, about string
	}{
		{&g.info, "strangler.table.info", "", "1, with the version of the running route table."},
		{&g.routes, "strangler.table.routes", "{route}", "Routes in the running table."},
		{&g.refused, "strangler.table.refused", "", "1 while the table's file is refused and an older table runs."},
		{&g.holds, "strangler.holds", "{route}", "Routes held on the monolith."},
		{&g.brake, "strangler.brake", "", "1 while every route is held on the monolith."},
		{&g.breaker, "strangler.target.breaker", "", "1 for the state the target's breaker is in."},
		{&g.inFlight, "strangler.target.in_flight", "{request}", "Requests under way at the target."},
		{&g.behind, "strangler.webhook.behind", "{change}", "Changes of rollouts that the webhook has not been told of or passed over, when that was last looked at."},
	} {
		made, err := meter.Int64ObservableGauge(gauge.name, metric.WithUnit(gauge.unit), metric.WithDescription(gauge.about))
		if err != nil {
			return nil, fmt.Errorf("gauge %s: %w", gauge.name, err)
		}
		*gauge.to = made
		all = append(all, made)
	}
	deliveries, err := meter.Int64ObservableCounter("strangler.webhook.deliveries", metric.WithUnit("{delivery}"),
		metric.WithDescription("Events by result: delivered, failed (it is tried again; retries within an attempt are not counted), skipped (given up after a day)."))
	if err != nil {
		return nil, fmt.Errorf("counter of deliveries: %w", err)
	}
	g.deliveries, all = deliveries, append(all, deliveries)
	shadows, made, err := newShadowGauges(meter)
	if err != nil {
		return nil, err
	}
	all = append(all, made...)
	identity, err := g.identity.make(meter)
	if err != nil {
		return nil, err
	}
	all = append(all, identity...)
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		state := read()
		g.show(o, state)
		shadows.show(o, state.Shadows)
		return nil
	}, all...)
	if err != nil {
		return nil, fmt.Errorf("gauges: %w", err)
	}
	// Unregister fails only for a provider that is not the SDK's.
	return func() { _ = registration.Unregister() }, nil
}

func (g *gauges) show(o metric.Observer, s State) {
	if s.TableVersion != "" {
		o.ObserveInt64(g.info, 1, metric.WithAttributes(attribute.String("version", s.TableVersion)))
	}
	g.identity.show(o, s.Identity)
	o.ObserveInt64(g.routes, int64(s.Routes))
	o.ObserveInt64(g.refused, flag(s.Refused))
	o.ObserveInt64(g.holds, int64(s.Holds))
	o.ObserveInt64(g.brake, flag(s.Brake))
	for _, target := range s.Targets[:min(len(s.Targets), maxTargets)] {
		name := attribute.String("target", target.Name)
		o.ObserveInt64(g.inFlight, target.InFlight, metric.WithAttributes(name))
		for _, state := range breakerStates {
			o.ObserveInt64(g.breaker, flag(state == target.Breaker),
				metric.WithAttributes(name, attribute.String("state", state)))
		}
	}
	for _, hook := range s.Webhooks[:min(len(s.Webhooks), maxWebhooks)] {
		name := attribute.String("webhook", hook.Name)
		o.ObserveInt64(g.behind, int64(hook.Behind), metric.WithAttributes(name))
		for result, count := range map[string]uint64{"delivered": hook.Delivered, "failed": hook.Failed, "skipped": hook.Skipped} {
			o.ObserveInt64(g.deliveries, int64(count), metric.WithAttributes(name, attribute.String("result", result)))
		}
	}
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
