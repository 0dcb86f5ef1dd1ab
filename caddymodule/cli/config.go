package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// readConfig reads a configuration's file as JSON, as Caddy does and without a word
// unless something is wrong: Caddy's own reading logs on standard error, where
// commands say what failed. Without an adapter a file called Caddyfile, or with the
// extension .caddyfile in any case, is one.
func readConfig(file, adapter string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	base := strings.ToLower(filepath.Base(file))
	if adapter == "" && (strings.HasPrefix(base, "caddyfile") && !strings.HasSuffix(base, ".json") || filepath.Ext(base) == ".caddyfile") {
		adapter = "caddyfile"
	}
	if adapter == "" {
		if !json.Valid(text) {
			return nil, usage("%s is no JSON; say what it is with --adapter, as in: --adapter caddyfile", file)
		}
		return text, nil
	}
	adapts := caddyconfig.GetAdapter(adapter)
	if adapts == nil {
		return nil, usage("there is no adapter %q", adapter)
	}
	text, _, err = adapts.Adapt(text, map[string]any{"filename": file})
	if err != nil {
		return nil, fmt.Errorf("adapting config using %s: %w", adapter, err)
	}
	return text, nil
}
