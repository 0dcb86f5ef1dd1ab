// Package replay asks a service again what a monolith was asked before, and
// compares: cases (package cases), a HAR file, recorded messages, or a second
// target that is asked the same. It needs no running server.
//
//	Read… → []Exchange → Run(Options) → Result → Text
//
// # Promises
//
//   - Nothing that may change something is sent: of the methods only those that
//     RFC 9110 section 9.2.1 calls safe, unless Options.Unsafe.
//   - No credentials leave the file: of headers only those that say what a client
//     can read ([Sent]), unless Options.Credentials. No value of a header, a query
//     or a body is in a Result unless Options.Values.
//   - What was not compared is never equal: each exchange has one [Verdict], and
//     the verdicts add up.
//   - Sources are foreign input: their size and number are bounded, and what
//     cannot be read is an error that names the place.
//
// # Recorded messages
//
// A folder of NNN.request.http and NNN.response.http, each one HTTP/1.1 message
// (RFC 9112) as it was on the wire. The name before .request.http is the
// exchange's; they are sent in the order of names.
package replay
