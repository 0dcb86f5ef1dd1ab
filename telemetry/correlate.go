package telemetry

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/trace"
)

// Header names of correlation, in net/http's canonical form.
const (
	RequestIDHeader   = "X-Request-Id"
	traceParentHeader = "Traceparent"
	traceStateHeader  = "Tracestate"
)

// MaxRequestID is the longest X-Request-ID that is kept, in bytes.
const MaxRequestID = 128

// Correlate makes the request's headers carry exactly one valid traceparent
// and one valid X-Request-ID and returns the latter and the trace's ID. Valid ones are kept byte
// for byte. A traceparent that is missing, repeated or malformed is replaced,
// from the span in ctx when there is one, and its tracestate goes with it
// (W3C Trace Context §3.2.2, §3.3). An X-Request-ID is kept when it is 1 to
// MaxRequestID bytes of letters, digits and -_.~:/+=@; anything else could
// write what it likes into a log.
//
// A traceparent made here has the sampled flag: without it every service whose
// sampler follows its parent, which is OpenTelemetry's default, would stop
// recording.
func Correlate(ctx context.Context, h http.Header) (requestID, traceID string) {
	ids := h[RequestIDHeader]
	haveID := len(ids) == 1 && validRequestID(ids[0])
	parents := h[traceParentHeader]
	haveParent := len(parents) == 1 && validTraceParent(parents[0])
	if haveID && haveParent {
		return ids[0], parents[0][3:35]
	}
	made := newIDs()
	values := []string{made[:32], made[32:]}
	if !haveID {
		ids = values[0:1:1]
		h[RequestIDHeader] = ids
	}
	if !haveParent {
		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
			values[1] = "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String()
		}
		parents = values[1:2:2]
		h[traceParentHeader] = parents
		delete(h, traceStateHeader)
	}
	return ids[0], parents[0][3:35]
}

// newIDs makes a request ID of 32 hexadecimal digits followed by a traceparent
// with the same digits as its trace ID: one string, one allocation. The
// generator is fast and seeded by the runtime; an ID is not a secret.
func newIDs() string {
	var random [24]byte
	for i := 0; i < len(random); i += 8 {
		// |1: neither ID may be all zeros.
		n := rand.Uint64() | 1
		for j := range 8 {
			random[i+j] = byte(n >> (8 * j))
		}
	}
	var text [32 + 55]byte
	hex.Encode(text[:32], random[:16])
	parent := text[32:]
	copy(parent, "00-")
	copy(parent[3:], text[:32])
	parent[35] = '-'
	hex.Encode(parent[36:52], random[16:])
	copy(parent[52:], "-01")
	return string(text[:])
}

func validRequestID(id string) bool {
	if id == "" || len(id) > MaxRequestID {
		return false
	}
	for i := range len(id) {
		if !requestIDByte[id[i]] {
			return false
		}
	}
	return true
}

var requestIDByte = func() (ok [256]bool) {
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~:/+=@") {
		ok[c] = true
	}
	return ok
}()

// validTraceParent checks a traceparent by W3C Trace Context §3.2.2: a version
// other than ff, lower-case hexadecimal fields of fixed length, neither ID all
// zeros; version 00 ends there, later ones may go on after a dash.
func validTraceParent(s string) bool {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	if !lowerHex(s[:2]) || !lowerHex(s[3:35]) || !lowerHex(s[36:52]) || !lowerHex(s[53:55]) {
		return false
	}
	if s[:2] == "ff" || allZero(s[3:35]) || allZero(s[36:52]) {
		return false
	}
	return len(s) == 55 || s[:2] != "00" && s[55] == '-' && len(s) <= 512
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func allZero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
