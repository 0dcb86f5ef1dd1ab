package routes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/routes"
)

// TestSwappedLettersAreATypo also in a short word, in which two other slips are
// too many for a suggestion.
func TestSwappedLettersAreATypo(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"mtach": `"mtach"; did you mean "match"? known`, "onwer": `"onwer"; did you mean "owner"? known`, "mxxch": `"mxxch"; known`} {
		text := "targets: { m: { url: 'http://127.0.0.1:1' } }\nmonolith: m\nroutes:\n  - { name: r, match: /x, owner: o, " + word + ": x }\n"
		_, problems := routes.Load("routes.yaml", []byte(text))
		if got := fmt.Sprint(problems); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}
