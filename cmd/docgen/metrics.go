package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/telemetry"
)

const metricsIntro = "On Caddy's metrics endpoint (`/metrics` of the admin API, or a site's `metrics` directive) beside Caddy's own. Counters go on over reloads. " +
	"No label ever holds a path, a key, a cookie or a header; beyond 1,000 routes the label `route` is `_other`, without a matching route it is `_none`."

// metrics records one of everything and lists what the registry then has.
func metrics(b *bytes.Buffer) error {
	t, err := telemetry.New(telemetry.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = t.Close(context.Background()) }()
	stop, err := t.Observe(func() telemetry.State {
		return telemetry.State{TableVersion: "v", Targets: []telemetry.TargetState{{Name: "t", Breaker: "closed"}}, Webhooks: []telemetry.WebhookState{{Name: "w"}},
			Shadows:  []telemetry.ShadowState{{Route: "r", Buckets: map[string]uint64{"equal": 1}}},
			Identity: &telemetry.IdentityState{Lookups: map[string]uint64{"known": 1}, Watched: new(bool), Keys: map[string]int64{"signing": 1}}}
	})
	if err != nil {
		return err
	}
	defer stop()
	decision := routes.Decision{Route: "r", Arm: routes.Service, Reason: routes.ReasonFull}
	t.Route("r").Record(context.Background(), &decision, telemetry.Served{Duration: time.Second, Failure: "connect", Fallback: true})
	t.Compared(context.Background(), "r", time.Second)
	t.Reloaded(context.Background(), true)
	memory := new(flags.Memory)
	memory.Set(map[string]bool{"f": true})
	evaluator, err := flags.New(flags.Options{Sources: []flags.Source{flags.InMemory(memory)}, Meter: t.MeterProvider().Meter("flags")})
	if err != nil {
		return err
	}
	defer func() { _ = evaluator.Close() }()
	evaluator.Decide(context.Background(), &flags.Query{Flag: "f"})
	evaluator.Decide(context.Background(), &flags.Query{Flag: "none"})

	registry := prometheus.NewRegistry()
	if err := registry.Register(t.Collector()); err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	families, err := registry.Gather()
	if err != nil {
		return fmt.Errorf("gathering: %w", err)
	}
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "strangler_") {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), labels(f.GetMetric()), cellText(f.GetHelp()))
		}
	}
	return nil
}

// labels are those of all series: an error has some that an answer has not.
func labels(series []*dto.Metric) string {
	names := map[string]bool{}
	for _, one := range series {
		for _, label := range one.GetLabel() {
			if !strings.HasPrefix(label.GetName(), "otel_") {
				names["`"+label.GetName()+"`"] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
