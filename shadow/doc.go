// Package shadow mirrors a sample of a route's requests to a shadow and compares
// the two answers. No client ever waits for it, and no client sees what the
// shadow says.
//
// # Promises
//
//   - What a client gets is the same, byte for byte, with and without a shadow,
//     whatever the shadow does. Nothing on the request's way waits, takes a lock
//     that another request holds, or starts anything without a bound.
//   - All copies together hold at most Options.Bytes. What does not fit is
//     counted, never waited for.
//   - Every request that the hash has sampled ends in exactly one [Bucket], the
//     cancelled, failed and dropped ones too, so that what was compared can be
//     held against what was not.
//   - A request that came as a shadow's is never mirrored. A request that may
//     change something is only sent to a shadow that has proved, and proves with
//     each answer, that it changes nothing.
//   - Credentials go to who gave them out: a monolith gets the client's session,
//     a service only the token that was made for the shadow.
//
// # Walk through the package
//
// A [Mirrors] belongs to an engine and outlives its tables; Apply gives it the
// [Settings] of all routes and makes one [Mirror] of each. Sample (sample.go)
// decides whether a request is mirrored, and its [Exchange] (exchange.go) copies
// it and its answer as they pass (copy.go, tee.go, writer.go) into memory that a
// budget bounds (memory.go). End puts it into the route's queue. A worker
// (worker.go), which gives way to clients (pace.go), asks the shadow (target.go, request.go), compares, asks again where
// there is a difference (again.go), and gives the [Record] to the [Recorder].
package shadow
