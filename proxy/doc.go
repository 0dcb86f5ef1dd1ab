// Package proxy is the lean forwarding engine: it serves one request at a
// target and, when a service fails before the first byte of its answer, at the
// monolith where that is safe.
package proxy
