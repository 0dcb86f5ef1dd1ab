// Command strangler is Caddy with the modules that move a monolith, route by
// route, to services. Its command line is Caddy's own plus ours.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/strangler-proxy/strangler/caddymodule"
)

func main() {
	caddycmd.Main()
}
