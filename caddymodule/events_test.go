package caddymodule

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// heard is an event handler that remembers, as a plugin would be told.
type heard struct{}

var events = make(chan caddy.Event, 16)

func (heard) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.strangler_test", New: func() caddy.Module { return new(heard) }}
}

func (heard) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (heard) Handle(_ context.Context, e caddy.Event) error {
	events <- e
	return nil
}

var _ caddyevents.Handler = heard{}

// TestTheControllerTellsCaddysEvents: a rollout that is started goes on by
// itself, and the configuration's event handlers hear of it once, also after a
// reload.
func TestTheControllerTellsCaddysEvents(t *testing.T) {
	r := newRig(t)
	r.routes(strings.Replace(plainRoutes, "fallback:", "rollout: { steps: [50, 100], every: 1ms, gates: { requests: 5 }, guards: {} }\n    fallback:", 1))
	config := r.json(strings.Replace(plainCaddyfile, "\tmetrics\n", "\tmetrics\n\tevents {\n\t\ton strangler.rollout strangler_test\n\t}\n", 1))
	r.start(plainCaddyfile)
	if err := r.load(config); err != nil {
		t.Fatal(err)
	}
	if a := r.call("/strangler/rollout/start", map[string]any{"route": "faq-read", "by": "ann"}); a.status != 200 {
		t.Fatal(a.status, a.body)
	}
	user := 0
	eventually(t, "an event", func() bool {
		for range 20 {
			user++
			r.ask("GET", "/v1/faq/1", map[string]string{"X-User": fmt.Sprint("u", user)}, nil)
		}
		return len(events) > 0
	})
	e := <-events
	if e.Name() != EventRollout || e.Data["route"] != "faq-read" || e.Data["kind"] != "completed" || e.Data["share_ppm"] != uint32(1_000_000) {
		t.Errorf("%s %v", e.Name(), e.Data)
	}
	if len(events) > 0 {
		t.Errorf("told twice: %v", (<-events).Data)
	}
}
