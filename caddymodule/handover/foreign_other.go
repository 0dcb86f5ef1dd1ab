//go:build !linux

package handover

import (
	"context"

	"github.com/caddyserver/caddy/v2"
)

// refuseForeign knows only on Linux whose socket it is.
func refuseForeign(context.Context, caddy.NetworkAddress) error { return nil }
