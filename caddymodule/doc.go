// Package caddymodule is the adapter between Caddy and the engine.
package caddymodule
