package admin

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/routes"
)

// TestTheManualHasEveryEndpoint, and names none that is not there.
func TestTheManualHasEveryEndpoint(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/reference/admin-api.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if entry, ok := strings.CutPrefix(line, "| `"); ok {
			_, path, _ := strings.Cut(entry, " ")
			path, _, _ = strings.Cut(path, "`")
			path, _, _ = strings.Cut(path, "?")
			named[path] = true
		}
	}
	for path := range endpoints {
		if !named[path] {
			t.Errorf("%s is not in the manual", path)
		}
		delete(named, path)
	}
	delete(named, PathRollout) // stands there twice
	for path := range named {
		t.Errorf("the manual has %s, which is not there", path)
	}
}

// TestADocumentHasAllOfAShadow: every field of the table.
func TestADocumentHasAllOfAShadow(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for i := range reflect.TypeFor[Shadow]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Shadow]().Field(i).Tag.Get("json"), ",")
		shown[strings.TrimSuffix(name, "_bytes")] = true
	}
	for i := range reflect.TypeFor[routes.Shadow]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[routes.Shadow]().Field(i).Tag.Get("yaml"), ",")
		if name != "" && !shown[name] {
			t.Errorf("%s is not shown", name)
		}
	}
}
