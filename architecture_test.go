// Package strangler_test holds what no single package can: the direction in
// which the packages depend on each other.
package strangler_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/strangler-proxy/strangler/"

// mayImport says which of our packages each package may import. A subpackage
// not listed counts as its parent, which it may import and be imported by.
var mayImport = map[string][]string{
	"routes":      {},
	"rollout":     {"routes"},
	"identity":    {"routes"},
	"proxy":       {"routes"},
	"flags":       {"routes"},
	"shadow":      {"routes", "rollout"},
	"telemetry":   {"routes"},
	"notify":      {"rollout"},
	"store":       {"routes", "rollout", "identity", "shadow"},
	"engine":      {"notify", "routes", "rollout", "identity", "flags", "proxy", "shadow", "telemetry"},
	"caddymodule": {"notify", "routes", "rollout", "identity", "flags", "proxy", "shadow", "telemetry", "engine", "store"},
	"cmd":         {"caddymodule", "flags", "routes", "telemetry"},
	// Tools and tests around the product; nothing of the product imports them.
	"internal": {"notify", "routes", "rollout", "identity", "flags", "proxy", "shadow", "telemetry", "engine", "store", "caddymodule", "cmd", "examples"},
	"bench":    {"routes", "internal"},
	"examples": {"internal"},
}

// caddyImporters are the only folders that know Caddy.
var caddyImporters = map[string]bool{"caddymodule": true, "cmd": true}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." || entry.Name() == "tools" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		top, _, nested := strings.Cut(filepath.ToSlash(name), "/")
		if entry.IsDir() || !nested || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		checkImports(t, name, top)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no Go file was looked at")
	}
}

func checkImports(t *testing.T, name, top string) {
	t.Helper()
	allowed, known := mayImport[top]
	if !known {
		t.Errorf("%s: the folder %s has no place in mayImport yet", name, top)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.HasPrefix(target, "github.com/caddyserver/caddy/") && !caddyImporters[top] {
			t.Errorf("%s imports %s: only caddymodule and cmd know Caddy", name, target)
		}
		ours, inside := strings.CutPrefix(target, module)
		if !inside {
			continue
		}
		folder, _, _ := strings.Cut(ours, "/")
		if folder != top && !slices.Contains(allowed, folder) {
			t.Errorf("%s imports %s: %s may import only %v", name, target, top, allowed)
		}
	}
}
