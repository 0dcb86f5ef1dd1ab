package telemetry_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/strangler-proxy/strangler/telemetry"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

var (
	madeID     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	madeParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
)

func TestCorrelateKeepsWhatIsValid(t *testing.T) {
	t.Parallel()
	h := http.Header{
		"Traceparent": {parent}, "Tracestate": {"congo=t61rcWkgMzE"}, "X-Request-Id": {"Root=1-67891233:abc/def+g=~@."},
	}
	id, trace := telemetry.Correlate(context.Background(), h)
	if trace != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("trace %q", trace)
	}
	if id != "Root=1-67891233:abc/def+g=~@." || h.Get("X-Request-ID") != id {
		t.Errorf("request ID %q, header %q", id, h.Get("X-Request-ID"))
	}
	if h.Get("Traceparent") != parent || h.Get("Tracestate") == "" {
		t.Errorf("traceparent %q, tracestate %q", h.Get("Traceparent"), h.Get("Tracestate"))
	}
}

func TestCorrelateReplacesWhatIsNot(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Header{
		"nothing":     {},
		"empty":       {"X-Request-Id": {""}, "Traceparent": {""}},
		"twice":       {"X-Request-Id": {"a", "b"}, "Traceparent": {parent, parent}},
		"line break":  {"X-Request-Id": {"a\nb"}, "Traceparent": {parent + "\n"}},
		"blank":       {"X-Request-Id": {"a b"}, "Traceparent": {" " + parent}},
		"markup":      {"X-Request-Id": {"<b>"}, "Traceparent": {strings.ToUpper(parent)}},
		"long":        {"X-Request-Id": {strings.Repeat("a", 129)}, "Traceparent": {parent + "-more"}},
		"zero trace":  {"Traceparent": {"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}},
		"zero parent": {"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"}},
		"version ff":  {"Traceparent": {"ff" + parent[2:]}},
	} {
		h["Tracestate"] = []string{"a=b"}
		id, trace := telemetry.Correlate(context.Background(), h)
		if !strings.HasPrefix(h.Get("Traceparent"), "00-"+trace+"-") {
			t.Errorf("%s: trace %q in %q", name, trace, h.Get("Traceparent"))
		}
		if !madeID.MatchString(id) || len(h["X-Request-Id"]) != 1 || h["X-Request-Id"][0] != id {
			t.Errorf("%s: request ID %q, header %q", name, id, h["X-Request-Id"])
		}
		if p := h["Traceparent"]; len(p) != 1 || !madeParent.MatchString(p[0]) {
			t.Errorf("%s: traceparent %q", name, p)
		}
		if h.Get("Tracestate") != "" {
			t.Errorf("%s: the tracestate of another trace stayed", name)
		}
	}
}

func TestCorrelateKeepsOneWhenTheOtherIsMissing(t *testing.T) {
	t.Parallel()
	h := http.Header{"X-Request-Id": {"mine"}}
	if id, _ := telemetry.Correlate(context.Background(), h); id != "mine" || !madeParent.MatchString(h.Get("Traceparent")) {
		t.Errorf("request ID %q, traceparent %q", id, h.Get("Traceparent"))
	}
	h = http.Header{"Traceparent": {parent}}
	if id, _ := telemetry.Correlate(context.Background(), h); !madeID.MatchString(id) || h.Get("Traceparent") != parent {
		t.Errorf("request ID %q, traceparent %q", id, h.Get("Traceparent"))
	}
}

func TestCorrelateTakesTheSpanOfTheContext(t *testing.T) {
	t.Parallel()
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent})
	h := http.Header{}
	telemetry.Correlate(ctx, h)
	if h.Get("Traceparent") != parent {
		t.Errorf("traceparent %q, want %q", h.Get("Traceparent"), parent)
	}
}

func TestCorrelateNeverMakesTheSameIDTwice(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		h := http.Header{}
		id, _ := telemetry.Correlate(context.Background(), h)
		if seen[id] || seen[h.Get("Traceparent")] {
			t.Fatalf("%s again", id)
		}
		seen[id], seen[h.Get("Traceparent")] = true, true
	}
}

// FuzzTraceParent holds what is kept against OpenTelemetry's own reader: what
// it can read is kept, what it cannot is replaced by something it can.
func FuzzTraceParent(f *testing.F) {
	for _, seed := range []string{
		parent, "cc" + parent[2:] + "-what-the-future-brings", "01" + parent[2:], "cc" + parent[2:] + ".x",
		parent[:53] + "ff", "", "00-", parent[:54], "ff" + parent[2:], parent + "-",
	} {
		f.Add(seed)
	}
	read := func(value string) bool {
		carrier := propagation.MapCarrier{"traceparent": value}
		ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
		return trace.SpanContextFromContext(ctx).IsValid()
	}
	f.Fuzz(func(t *testing.T, value string) {
		h := http.Header{"Traceparent": {value}}
		telemetry.Correlate(context.Background(), h)
		kept := h.Get("Traceparent")
		if !read(kept) && kept != value {
			t.Fatalf("%q was replaced by %q, which cannot be read", value, kept)
		}
		// OpenTelemetry reads a version 00 with a dash after its end; §3.2.2 has
		// none there.
		exact := len(value) == 55 || !strings.HasPrefix(value, "00") && len(value) <= 512
		if read(value) && exact && kept != value {
			t.Fatalf("%q can be read and was replaced", value)
		}
		if kept == value && !strings.HasPrefix(value, "00") && len(value) > 512 {
			t.Fatal("kept without bound")
		}
	})
}

func BenchmarkCorrelate(b *testing.B) {
	ctx := context.Background()
	b.ReportAllocs()
	h := http.Header{}
	for b.Loop() {
		clear(h)
		telemetry.Correlate(ctx, h)
	}
}
