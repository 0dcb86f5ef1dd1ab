package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/telemetry"
)

// An engine that could not be made leaves nothing behind in the metrics that it
// was to share.
func TestAnEngineThatCannotBeMadeLeavesNoGauges(t *testing.T) {
	t.Parallel()
	shared, err := telemetry.New(telemetry.Options{})
	must(t, err)
	defer func() { must(t, shared.Close(t.Context())) }()
	ledger, err := rollout.Open(t.Context(), rollout.Options{Store: new(storetest.Memory), Now: time.Now})
	must(t, err)
	defer func() { must(t, ledger.Close(t.Context())) }()
	if _, err := New(Options{Ledger: ledger, Telemetry: shared, Shadowing: &Shadowing{}}); err == nil || !strings.Contains(err.Error(), "a book") {
		t.Fatalf("made: %v", err)
	}
	registry := prometheus.NewPedanticRegistry()
	must(t, registry.Register(shared.Collector()))
	families, err := registry.Gather()
	must(t, err)
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "strangler_") {
			t.Errorf("%s is there", family.GetName())
		}
	}
}
