package e2e

import (
	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// helpdeskConfig is the configuration of the demo.
func helpdeskConfig(monolith, faq string) testbed.Config {
	return func(address, admin string) (caddyfile, routes string) {
		return helpdesk.Config(helpdesk.Addresses{Proxy: address, Admin: admin, Monolith: monolith, FAQ: faq, Tickets: "127.0.0.1:1"})
	}
}
