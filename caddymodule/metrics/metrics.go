// Package metrics shows the serving engine's metrics in the registry of every
// configuration.
package metrics

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/strangler-proxy/strangler/engine"
)

// Register makes our metrics part of a configuration's registry. Caddy makes a
// new registry for each, so this is done for each, and may be done twice: by
// the app, and by the admin API, which is there even when the configuration
// is refused before it comes to the app.
//
// What is registered is not the engine of that configuration but whichever
// serves when somebody looks. So a refused configuration, whose registry the
// admin endpoint then shows, shows our metrics all the same.
func Register(registry *prometheus.Registry) error {
	version, _ := caddy.Version()
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "strangler_info",
		Help:        "1, with the version of this build.",
		ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
	err := registry.Register(info)
	if errors.As(err, new(prometheus.AlreadyRegisteredError)) {
		return nil
	}
	if err == nil {
		err = registry.Register(serving{})
	}
	if err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	return nil
}

// host is the app of a configuration.
type host interface {
	Engine() (*engine.Engine, error)
}

// serving collects from the engine that serves now.
type serving struct{}

// Describe describes nothing, so the registry takes what Collect gives as it comes.
func (serving) Describe(chan<- *prometheus.Desc) {}

// Collect gives the metrics of the engine that serves now.
func (serving) Collect(to chan<- prometheus.Metric) {
	app, err := caddy.ActiveContext().AppIfConfigured("strangler")
	if err != nil {
		return
	}
	if run, err := app.(host).Engine(); err == nil {
		run.Telemetry().Collector().Collect(to)
	}
}
