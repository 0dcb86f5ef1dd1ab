// Package flags asks feature flags, through OpenFeature
// (https://openfeature.dev/specification), whether a request goes to the
// service. A flag is a boolean: true is the service, and everything else, every
// doubt too, is the monolith.
//
// The way of one question:
//
//	Evaluator.Decide   the cache: a hit is a few loads, no lock, no allocation
//	  ask              what to do when the cache alone cannot answer
//	  flight           one evaluation per question at a time, off the request's path
//	  evaluate         the sources in their order; the first that knows the flag answers
//	    source         one OpenFeature provider with its client, state and traits
//
// What is promised:
//
//   - A request never waits for a network longer than Options.Wait. Rules that are
//     in this process are evaluated at once; a provider at the other end of a
//     network is asked in the background, once for all who wait.
//   - One evaluation per flag, targeting key, attributes and version of the
//     provider's configuration, as long as the cache has room: it has a hard
//     bound.
//   - A provider that is down, slow or restarting leaves the last known answer
//     for Options.MaxAge; then the monolith. It recovers by itself.
//   - Nobody but the route decides what a provider gets to know of a request:
//     the context holds the targeting key and the attributes in the Query.
//
// Subpackage ofrepserver answers the same questions for services and browsers,
// by the OpenFeature Remote Evaluation Protocol.
package flags
