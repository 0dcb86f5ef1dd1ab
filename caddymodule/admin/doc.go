// Package admin is the part of Caddy's admin API that lives under /strangler/:
// what runs, why a request goes where it goes, and the verbs that change it.
//
//	GET  /strangler/status           engine, table file, targets with their breakers
//	GET  /strangler/table            the running table: document, source text, version
//	GET  /strangler/routes           every route with its state
//	POST /strangler/explain          {"method","url","headers","ip"}: which route, why; changes nothing
//	GET  /strangler/rollout          every route's rollout and the brake
//	POST /strangler/rollout/set      {"route","percent",…}
//	POST /strangler/rollout/hold     {"route","reason","until",…}
//	POST /strangler/rollout/release  {"route",…}; also start, advance, pause,
//	                                 resume, approve and abort
//	POST /strangler/rollout/undo     {"route","to",…}
//	GET  /strangler/rollout/history  the journal, by pages and filters
//	POST /strangler/rollout/preview  {"route","percent"} or {"table"}: what that would
//	                                 do to the last requests; changes nothing
//	GET  /strangler/keys             the keys that sign tokens
//	POST /strangler/keys/rotate      {…}; also revoke, with "kid" and "no_tokens"
//	POST /strangler/sessions/inspect {"cookie","at","show"}: whose a session is; changes nothing
//	GET  /strangler/shadow           how comparing goes, by route
//	GET  /strangler/shadow/report    what it came to; ?route=NAME, more than once
//	POST /strangler/shadow/reset     {"route","reason",…}: its evidence begins anew
//	POST /strangler/brake/on         {"reason",…}
//	POST /strangler/brake/release    {…}
//
// Every verb takes "by" (required), "reason", "source" ("api", the default, or
// "cli"), "if_version" and "dry_run"; its answer is the engine.Made: the change,
// and what is in force after it.
// Answers and errors are JSON; an error is {"error": "text"} with a status of
// 400 (not understood, or something is missing), 403 (from a web page), 404 (no
// such route), 405 and 415 (not how it is asked), 409 (changed meanwhile), 413
// (too large), 422 (declared in the table, without a service, not held), 503
// (the store does not answer).
//
// Nothing changes on GET. A POST needs Content-Type application/json, which a
// form of a web page cannot send, and must not come from another origin; Caddy
// itself checks the Host header against rebinding of names.
package admin
