// Package engine carries one request its whole way and owns what outlives a
// configuration: the watched route table, the view of the rollout ledger, the
// targets with their connection pools and breakers. It has never heard of
// Caddy; an adapter gives it requests and turns its errors into answers.
//
// A request's way, [Engine.ServeHTTP]:
//
//	headers.go  correlation; what a client could forge is removed
//	view.go     one atomic load: table, rollout states, targets of one version
//	decide.go   match → sticky key (key.go) → routes.Decide → the arm's target
//	serve.go    proxy.Forward, then metrics, span and Result
//
// Everything else happens beside the requests: the table's file is watched
// (watch.go), read and refused or put in force (load.go); the ledger's changes
// become a new view; operators' verbs are checked against the table (verbs.go);
// status and explanation read the same view that requests see.
//
// Promises: a request sees exactly one version of everything; no lock is taken
// for it; whatever is not known, not offered or not readable means the
// monolith; a refused table leaves the running one alone.
package engine
