package cli

import (
	"fmt"
	"strings"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/routes"
)

// noRoute says that there is no such route among those that are known, and which was
// probably meant.
func noRoute(name string, known ...string) error {
	hint := "all routes: strangler routes list"
	if near := routes.Nearest(name, known); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "? " + hint
	}
	return &failure{code: ExitError, err: fmt.Errorf("there is no route %q", name), hint: hint}
}

func namesOf(list []admin.RouteAndState) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}
