package telemetry

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

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

// series holds the attributes of one route, arm and reason, made once.
type series struct {
	set      attribute.Set
	add      []metric.AddOption
	record   []metric.RecordOption
	failures sync.Map // failure → []metric.AddOption
}

type failure struct {
	kind     string
	fallback bool
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
	t.labels[name] = &label{name: name}
	return t.labels[name]
}

// Record counts one request that was decided as d.
func (r *Route) Record(ctx context.Context, d *routes.Decision, s Served) {
	t, label := r.telemetry, r.label.Load()
	if label == nil {
		label = t.labelOf(r.name)
		r.label.Store(label)
	}
	series := label.of(d.Arm, d.Reason)
	t.requests.Add(ctx, 1, series.add...)
	t.duration.Record(ctx, s.Duration.Seconds(), series.record...)
	if s.Failure != "" {
		t.failures.Add(ctx, 1, series.failed(failure{s.Failure, s.Fallback})...)
	}
}

func (l *label) of(arm routes.Arm, reason routes.Reason) *series {
	slot := &l.series[arm&1][indexOf(reason)]
	if made := slot.Load(); made != nil {
		return made
	}
	set := attribute.NewSet(
		attribute.String("route", l.name),
		attribute.String("arm", arm.String()),
		attribute.String("reason", string(reasons[indexOf(reason)])))
	option := metric.WithAttributeSet(set)
	slot.CompareAndSwap(nil, &series{
		set:    set,
		add:    []metric.AddOption{option},
		record: []metric.RecordOption{option},
	})
	return slot.Load()
}

func (s *series) failed(f failure) []metric.AddOption {
	if made, ok := s.failures.Load(f); ok {
		return made.([]metric.AddOption)
	}
	set := attribute.NewSet(append(s.set.ToSlice(),
		attribute.String("error.type", f.kind),
		attribute.String("fallback", strconv.FormatBool(f.fallback)))...)
	made, _ := s.failures.LoadOrStore(f, []metric.AddOption{metric.WithAttributeSet(set)})
	return made.([]metric.AddOption)
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
