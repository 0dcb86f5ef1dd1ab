// Package caddymodule is the adapter between Caddy and the engine: the app
// `strangler` (one route table, one store), the handler of the same name that
// sites call, what the Caddyfile says of both, and, in its subpackages, the
// admin API and the command line. Importing it is all that a Caddy build needs.
//
// Two lifetimes meet here. A generation is one loaded configuration: a reload
// makes a new one while requests of the old still run, and a refused reload
// makes one that never serves. The engine outlives them all: it is held in a
// usage pool by what it works on (store and route table), taken in Start, or by
// the first request when Caddy starts its servers before us, and given back in
// Cleanup, exactly once and only by the instance that took it. So a reload,
// refused or not, costs the engine neither its table, its counters, its
// connections nor its state; and a configuration that is only validated opens
// no store.
package caddymodule
