package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/cases"
)

// placeholderUsage says what --value is, wherever there is one.
const placeholderUsage = "`NAME=VALUE`: fills the placeholder {NAME} in the paths and queries of cases; whatever is in the value, it is escaped; may be repeated"

// placeholderValues reads what --value says.
func placeholderValues(texts []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, usage("--value %q must be NAME=VALUE", text)
		}
		if err := cases.CheckValue(value); err != nil {
			return nil, usage("--value %q: %v", text, err)
		}
		values[name] = value
	}
	return values, nil
}

// noteUnused says which values fill nothing; a sample of another day may have the
// placeholder.
func noteUnused(t *terminal, values map[string]string, known []string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(known, name) {
			continue
		}
		there := "there is none"
		if len(known) > 0 {
			there = "there are {" + strings.Join(known, "}, {") + "}"
		}
		t.problem("note", fmt.Sprintf("--value %s fills nothing: no target has the placeholder {%s}; %s", name, name, there))
	}
}
