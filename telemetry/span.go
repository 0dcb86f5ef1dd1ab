package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/strangler-proxy/strangler/routes"
)

// Annotate puts the decision on the span in ctx, when one is recording.
func Annotate(ctx context.Context, d *routes.Decision, requestID string) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	attributes := []attribute.KeyValue{
		attribute.String("strangler.route", d.Route),
		attribute.String("strangler.arm", d.Arm.String()),
		attribute.String("strangler.reason", string(d.Reason)),
		attribute.Int64("strangler.share", int64(d.Share)),
		attribute.String("strangler.request_id", requestID),
	}
	if d.Bucket != routes.NoBucket {
		attributes = append(attributes, attribute.Int64("strangler.bucket", int64(d.Bucket)))
	}
	span.SetAttributes(attributes...)
}
