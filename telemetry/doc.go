// Package telemetry makes what Strangler does visible: request metrics by
// route, arm and reason, gauges of the running table, correlation IDs, and the
// decision on the current span.
//
// Metrics go through OpenTelemetry, with one shortcut: the first two of the list
// below, which every request touches, are counted here and handed to
// OpenTelemetry's readers when they ask. A [Telemetry] owns one meter
// provider and one Prometheus collector over it, outlives configurations, and
// is registered again in each configuration's registry, so that counters never
// restart at a reload.
//
// Its promises: a request that did not fail is recorded without a lock (but for
// the first of its route) and without an allocation (but for the exemplar of a
// sampled trace), and the number of series is bounded however large the table
// is. The metrics, with their name in Prometheus:
//
//	strangler.requests          strangler_requests_total            counter
//	strangler.request.duration  strangler_request_duration_seconds  histogram
//	strangler.request.errors    strangler_request_errors_total      counter
//	strangler.table.info        strangler_table_info                gauge, 1
//	strangler.table.routes      strangler_table_routes              gauge
//	strangler.table.refused     strangler_table_refused             gauge, 0 or 1
//	strangler.table.reloads     strangler_table_reloads_total       counter
//	strangler.holds             strangler_holds                     gauge
//	strangler.brake             strangler_brake                     gauge, 0 or 1
//	strangler.target.breaker    strangler_target_breaker            gauge, 0 or 1 per state
//	strangler.target.in_flight  strangler_target_in_flight          gauge
//
// The first three carry the labels route, arm (the arm that was decided, also
// when the monolith answered in its place) and reason; errors also error_type
// and fallback. No label ever holds a path, a key, a cookie or a header.
package telemetry
