package telemetry

import (
	"context"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// durationBounds are OpenTelemetry's for HTTP servers, finer below 5 ms where
// proxied answers from memory live, and up to a hung service. A bound belongs
// to the bucket below it.
var durationBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// buckets is how many there are: the last has no bound.
const buckets = len(durationBounds) + 1

// series counts the requests of one route, arm and reason. They are the
// histogram's counts: both metrics are made of these numbers, so they agree. A
// request touches the first cache line, and the bucket's when it is another.
type series struct {
	sum    atomic.Uint64 // seconds, as the bits of a float64
	counts [buckets]atomic.Uint64

	traced   atomic.Pointer[traced] // nil before the first sampled request
	set      attribute.Set
	failures sync.Map // failure → []metric.AddOption
}

// traced holds the last request of a sampled trace, as a whole and by bucket.
type traced struct {
	last     atomic.Pointer[exemplar]
	byBucket [buckets]atomic.Pointer[exemplar]
}

// exemplar is one request that shows what a number is made of.
type exemplar struct {
	span    trace.SpanContext
	at      time.Time
	seconds float64
}

type failure struct {
	kind     string
	fallback bool
}

// record counts a request. It takes no lock; only a request of a sampled trace
// allocates, its exemplar.
func (s *series) record(ctx context.Context, took time.Duration, now func() time.Time) {
	bucket, seconds := bucketOf(took), took.Seconds()
	s.counts[bucket].Add(1)
	for {
		before := s.sum.Load()
		if s.sum.CompareAndSwap(before, math.Float64bits(math.Float64frombits(before)+seconds)) {
			break
		}
	}
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		s.exemplify(bucket, &exemplar{span, now(), seconds})
	}
}

func bucketOf(took time.Duration) int {
	for i := range durationBounds {
		if took <= durationBounds[i] {
			return i
		}
	}
	return buckets - 1
}

func (s *series) exemplify(bucket int, e *exemplar) {
	if s.traced.Load() == nil {
		s.traced.CompareAndSwap(nil, &traced{})
	}
	all := s.traced.Load()
	all.byBucket[bucket].Store(e)
	all.last.Store(e)
}

// failed are the attributes of the errors counter, made once for each kind.
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

// points are the series' part of strangler.request.duration and of
// strangler.requests, which counts what the former does.
func (s *series) points(started, now time.Time) (metricdata.HistogramDataPoint[float64], metricdata.DataPoint[int64]) {
	h := metricdata.HistogramDataPoint[float64]{
		Attributes: s.set, StartTime: started, Time: now,
		Bounds: boundSeconds, BucketCounts: make([]uint64, buckets),
	}
	for i := range s.counts {
		h.BucketCounts[i] = s.counts[i].Load()
		h.Count += h.BucketCounts[i]
	}
	h.Sum = math.Float64frombits(s.sum.Load())
	c := metricdata.DataPoint[int64]{Attributes: s.set, StartTime: started, Time: now, Value: int64(h.Count)}
	if all := s.traced.Load(); all != nil {
		for i := range all.byBucket {
			h.Exemplars = appendExemplar(h.Exemplars, all.byBucket[i].Load(), func(e *exemplar) float64 { return e.seconds })
		}
		c.Exemplars = appendExemplar(c.Exemplars, all.last.Load(), func(*exemplar) int64 { return 1 })
	}
	return h, c
}

func appendExemplar[N int64 | float64](to []metricdata.Exemplar[N], e *exemplar, value func(*exemplar) N) []metricdata.Exemplar[N] {
	if e == nil {
		return to
	}
	traceID, spanID := e.span.TraceID(), e.span.SpanID()
	return append(to, metricdata.Exemplar[N]{
		Time: e.at, Value: value(e), TraceID: slices.Clone(traceID[:]), SpanID: slices.Clone(spanID[:]),
	})
}

// boundSeconds are the durationBounds as they are exported.
var boundSeconds = func() []float64 {
	seconds := make([]float64, len(durationBounds))
	for i, bound := range durationBounds {
		seconds[i] = bound.Seconds()
	}
	return seconds
}()
