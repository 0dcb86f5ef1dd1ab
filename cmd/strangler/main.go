// Command strangler is Caddy with the modules that move a monolith, route by
// route, to services. Its command line is Caddy's own plus ours.
package main

import (
	"os"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/strangler-proxy/strangler/caddymodule"
)

func main() {
	brand()
	if code, done := top(os.Args[1:]); done {
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == "run" {
		caddymodule.Serve()
	}
	caddycmd.Main()
}

// brand gives Caddy's command line our name, also in a build without the
// Makefile's -ldflags.
func brand() {
	if caddy.CustomBinaryName == "" {
		caddy.CustomBinaryName = "strangler"
	}
	caddy.CustomLongDescription = description
}

// description is what the top of the help says.
const description = `Strangler stands in front of a monolith and moves it to services, route by
route, without fear. It is a build of Caddy, so all of Caddy is there too.

  strangler run --config Caddyfile    run the server in the foreground
  strangler reload --config Caddyfile change its configuration; drops nothing

  strangler routes list               the routes, and where each goes now
  strangler routes explain GET URL    which route a request gets, and why
  strangler routes lint FILE          what is wrong with a route table

  strangler rollout set ROUTE 25      a quarter of the users to the service
  strangler rollout start ROUTE       step by step, as the route table says
  strangler rollout hold ROUTE --reason WHY    back to the monolith, at once
  strangler rollout status            who is where, since when and why
  strangler rollout history           who changed what, when and why
  strangler brake WHY                 every route to the monolith, at once

  strangler shadow status             which services answer as the monolith does
  strangler shadow report --route ROUTE        and in which ways one does not

The route table is a file of its own, watched by the server: no reload is
needed to change it, and a bad edit is refused while the running one stays.`
