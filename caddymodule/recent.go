package caddymodule

import (
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/engine/recent"
)

// parseRecent reads: recent <number>
func parseRecent(d *caddyfile.Dispenser, into **int) error {
	var text string
	if err := oneArg(d, "strangler: recent", "number", &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return d.Errf("strangler: recent: %q is no number of requests, such as %d", text, recent.Default)
	}
	*into = &n
	if err := recent.CheckSize(n); err != nil {
		return d.Errf("strangler: recent: %v", err)
	}
	return nil
}

func (a *App) checkRecent() error {
	if a.Recent == nil {
		return nil
	}
	if err := recent.CheckSize(*a.Recent); err != nil {
		return fmt.Errorf("recent: %w", err)
	}
	return nil
}

// recentSize is how many requests the engine is to keep.
func (a *App) recentSize() int {
	if a.Recent != nil {
		return *a.Recent
	}
	return recent.Default
}
