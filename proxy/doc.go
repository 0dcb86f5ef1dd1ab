// Package proxy is the lean forwarding engine. It serves one request at a
// Target, or, when a service fails before the first byte of its answer, at the
// monolith where that is safe.
//
// # Promises
//
// A request reaches its target as the client sent it: path and query byte for
// byte, Host, no invented User-Agent or Accept-Encoding. What RFC 9110 calls
// hop-by-hop stays on its hop, and a client cannot use its Connection field to
// take away what we set. Who the client is, a target hears from us:
// X-Forwarded-For, -Proto and -Host are ours unless a trusted proxy sent them.
//
// A request with an unsafe effect is never sent twice. An answer that broke off
// never looks complete. What a client does wrong is never held against a
// target. A hung target costs at most its bulkhead, and each request at most
// its time-outs.
//
// # Walk through the package
//
// Forward (forward.go) asks the service and then, maybe, the monolith; upload.go
// keeps the body for a second time, answer.go watches upstreams that are not
// ours. A Target (target.go) is one httputil.ReverseProxy; what it needs to know
// of one request travels as an exchange (exchange.go), which is the request's
// context and the ReverseProxy's response writer at once. rewrite.go, header.go
// and forwarded.go make the outgoing request, ahead.go and sending.go take in the
// client's body, before and after the request has its place in the bulkhead
// (bulkhead.go), roundtrip.go takes it all to an endpoint (endpoint.go) under the
// breaker (breaker.go), and patience.go ends what waits too long.
//
// Behind the ReverseProxy's http.RoundTripper are two clients for each URL: an
// http.Transport for everything, and lean (lean.go) for the GET requests that
// most are, at three quarters of the CPU time.
package proxy
