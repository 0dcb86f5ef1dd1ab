package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Every reason that the code has stands in the Caddyfile's reference, with what it
// means, and no other does.
func TestReferenceHasEveryReason(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/reference/caddyfile.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Reasons\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	decisions, sessions, found := strings.Cut(section, "| reason of a session |")
	if !found {
		t.Fatal("the section Reasons has no table of sessions")
	}
	known := append(reasonsIn(t, "../../routes"), reasonsIn(t, "../../engine")...)
	if len(known) < 20 {
		t.Fatalf("only %d reasons found in the code", len(known))
	}
	for _, reason := range known {
		if !strings.Contains(decisions, "\n| `"+reason+"` | ") {
			t.Errorf("docs/reference/caddyfile.md, Reasons: %s is missing", reason)
		}
	}
	if rows := strings.Count(decisions, "\n| `"); rows != len(known) {
		t.Errorf("%d rows for %d reasons", rows, len(known))
	}
	reasons := session.Reasons()[1:] // the first is Known's
	for _, reason := range reasons {
		if row := fmt.Sprintf("\n| `%s` | %s |\n", reason, reason.Meaning()); !strings.Contains(sessions, row) {
			t.Errorf("docs/reference/caddyfile.md, Reasons, of a session: there must be: %s", row)
		}
	}
	if rows := strings.Count(sessions, "\n| `"); rows != len(reasons) {
		t.Errorf("%d rows for %d reasons of sessions", rows, len(reasons))
	}
}

// reasonsIn are the values of a package's constants that begin with Reason and are
// texts.
func reasonsIn(t *testing.T, dir string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 && strings.HasPrefix(spec.Names[0].Name, "Reason") {
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
					value, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, value)
				}
			}
			return true
		})
	}
	return values
}
