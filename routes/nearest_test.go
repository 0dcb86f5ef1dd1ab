package routes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/routes"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"faq-read", "faq-list", "faq-create", "faq-create-v2", "tickets", "me", "Store"}
	for word, want := range map[string][]string{
		"tikcets":                 {"tickets"}, // two letters swapped
		"TICKET":                  {"tickets"},
		"store":                   {"Store"},
		"faq":                     {"faq-read", "faq-list", "faq-create"}, // a part of too many
		"faq-raed":                {"faq-read"},
		"faq-creat-v":             {"faq-create", "faq-create-v2"},
		"create":                  {"faq-create", "faq-create-v2"},
		"my":                      {"me"},
		"x":                       {},
		"":                        nil,
		"unlike":                  {},
		strings.Repeat("a", 9999): nil,
	} {
		if diff := cmp.Diff(want, routes.Nearest(word, known)); diff != "" {
			t.Errorf("%.20q: %s", word, diff)
		}
	}
}
