package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// producer gives the counts of requests to OpenTelemetry's readers, as a
// sdkmetric.Producer. Why they are not instruments: docs/adr/0009.
type producer struct{ *Telemetry }

// Produce implements sdkmetric.Producer.
func (p producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	now := p.now()
	requests := metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
	durations := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
	p.eachSeries(func(s *series) {
		duration, count := s.points(p.started, now)
		durations.DataPoints = append(durations.DataPoints, duration)
		requests.DataPoints = append(requests.DataPoints, count)
	})
	if len(requests.DataPoints) == 0 {
		return nil, nil // as an instrument that never recorded anything
	}
	return []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{Name: scope, Version: p.version},
		Metrics: []metricdata.Metrics{{
			Name: "strangler.requests", Unit: "{request}", Data: requests,
			Description: "Requests by the decision that was made for them.",
		}, {
			Name: "strangler.request.duration", Unit: "s", Data: durations,
			Description: "Time from a request's arrival to the end of its answer, by decision.",
		}},
	}}, nil
}

// eachSeries visits all series there are.
func (t *Telemetry) eachSeries(visit func(*series)) {
	t.mu.Lock()
	labels := t.shown // only ever appended to
	t.mu.Unlock()
	for _, l := range labels {
		for arm := range l.series {
			for reason := range l.series[arm] {
				if s := l.series[arm][reason].Load(); s != nil {
					visit(s)
				}
			}
		}
	}
}
