package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/strangler-proxy/strangler/routes"
)

// Route labels that no route can have: names start with a letter.
const (
	otherRoutes = "_other" // beyond Options.MaxRoutes
	noRoute     = "_none"  // no route matched
)

// Route records the requests of one route. It stays valid for the life of its
// Telemetry; its methods may be called concurrently.
type Route struct {
	telemetry *Telemetry
	name      string
	label     atomic.Pointer[label] // nil before the first request
}

// label is the series of one value of the label route, by arm and reason, each
// made when it is needed.
type label struct {
	name   string
	series [2][len(reasons)]atomic.Pointer[series]
}

// Served is what became of one request.
type Served struct {
	// Duration is from the request's arrival to the end of its answer.
	Duration time.Duration
	// Failure is the kind of failure of the decided arm, empty when there was
	// none. Kinds are a fixed small set of words.
	Failure string
	// Fallback is true when the monolith answered in the service's place.
	Fallback bool
}

// Route returns a recorder for a route's name; the empty name stands for
// requests that no route matched. It is cheap: series are made for the routes
// that get requests, not for those that a table names.
func (t *Telemetry) Route(name string) *Route {
	return &Route{telemetry: t, name: name}
}

// labelOf is the label of a route that gets its first request from a table: its
// own as long as there is room, and for ever then.
func (t *Telemetry) labelOf(name string) *label {
	if name == "" {
		return &t.none
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if have := t.labels[name]; have != nil {
		return have
	}
	if len(t.labels) >= t.maxRoutes {
		return &t.other
	}
	made := &label{name: name}
	t.labels[name], t.shown = made, append(t.shown, made)
	return made
}

// Record counts one request that was decided as d. ctx tells the trace that it
// is part of.
func (r *Route) Record(ctx context.Context, d *routes.Decision, s Served) {
	label := r.label.Load()
	if label == nil {
		label = r.telemetry.labelOf(r.name)
		r.label.Store(label)
	}
	series := label.of(d.Arm, d.Reason)
	series.record(ctx, s.Duration, r.telemetry.now)
	if s.Failure != "" {
		r.telemetry.failures.Add(ctx, 1, series.failed(failure{s.Failure, s.Fallback})...)
	}
}

func (l *label) of(arm routes.Arm, reason routes.Reason) *series {
	slot := &l.series[arm&1][indexOf(reason)]
	if made := slot.Load(); made != nil {
		return made
	}
	slot.CompareAndSwap(nil, &series{set: attribute.NewSet(
		attribute.String("route", l.name),
		attribute.String("arm", arm.String()),
		attribute.String("reason", string(reasons[indexOf(reason)])),
	)})
	return slot.Load()
}

// indexOf is the reason's place in reasons, the last one for a word unknown
// here.
func indexOf(reason routes.Reason) int {
	for i := range len(reasons) - 1 {
		if reasons[i] == reason {
			return i
		}
	}
	return len(reasons) - 1
}
