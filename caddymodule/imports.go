package caddymodule

import (
	_ "github.com/strangler-proxy/strangler/caddymodule/admin" // the admin API
	_ "github.com/strangler-proxy/strangler/caddymodule/cli"   // the commands
)
