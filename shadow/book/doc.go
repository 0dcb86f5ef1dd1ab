// Package book keeps the evidence of shadowing: what was compared, what came of
// it, and whether that is enough. It takes records ([shadow.Recorder]), adds them
// up by route, era and signature, keeps a few redacted samples, and answers with
// counts for a rollout's gates and with the report.
//
// # Promises
//
//   - The buckets of an era add up to what was sampled, always: after a restart,
//     a kill -9, a write that failed.
//   - Memory and file are bounded by [Limits], whatever the answers hold; what is
//     over a limit is counted, in a signature "(other)" or in [Status].
//   - No value of a request or an answer is kept in clear unless the route allows
//     its path: see redaction below.
//   - Evidence is not state. A store that fails delays nothing and stops nothing:
//     the book goes on in memory, says so, and tries again.
//
// # Eras
//
// An era is evidence under one build of the monolith, one of the service, and one
// set of rules. Another of any of them begins a new era with the cause in it; the
// last 20 are kept, and of those before the one before this only the worst 20
// signatures. While two builds take turns, as in a rolling deploy, each record
// goes to the era of its build, and the newest build's is the present one; a
// build that was there before begins an era anew when the present one has been
// silent for five minutes. Reset begins one by hand.
//
// # Redaction
//
// A value becomes type:size:hash, an HMAC-SHA256 under the book's key, so that
// equal values stay equal. In clear are the status, and headers that say how a
// body is to be read; and what the route's clear list names. It names a path as
// a signature spells it ($.items[*].price, header.Location.url), or request.path,
// request.query.NAME. Of a path that has a member's name that looks like data
// (a map by ID) only the general form is kept. Of the request the literal
// segments of the route's pattern are kept, the names of query parameters that do
// not look like data, and a few headers that say what a client accepts; no
// cookie, no credentials, no body.
package book
