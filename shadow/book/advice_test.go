package book_test

import (
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
)

// A side whose build is not known is told with what to do about it.
func TestAdviceTellsHowBuildsAreToldApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		route   book.Route
		service string // the build that its answers name
		want    []string
	}{
		"no header": {book.Route{Monolith: book.Target{Name: "main"}, Service: book.Target{Name: "faq"}}, "",
			[]string{"the builds of main and of faq are not told apart; .* write build: HEADER"}},
		"one":       {book.Route{Monolith: book.Target{Name: "main"}, Service: book.Target{Name: "faq", Build: "X-Build"}}, "s1", []string{"the builds of main are not"}},
		"not sent":  {book.Route{Monolith: book.Target{Name: "main"}, Service: book.Target{Name: "faq", Build: "X-Build"}}, "", []string{"no answer of faq had the header X-Build", "the builds of main are not"}},
		"both told": {book.Route{Service: book.Target{Name: "faq", Build: "X-Build"}}, "s1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := open(t, book.Options{})
			test.route.Name = "faq-read"
			b.Configure([]book.Route{test.route})
			many(t, b, c, 3, `{"a":1}`, func(r *shadow.Record) { r.Monolith.Build, r.Service.Build = "", test.service })
			got := look(t, b, "faq-read").Advice
			if len(got) != len(test.want) {
				t.Fatalf("%q", got)
			}
			for i := range got {
				start, rest, _ := strings.Cut(test.want[i], " .* ")
				if !strings.HasPrefix(got[i], start) || !strings.Contains(got[i], rest) {
					t.Errorf("%q", got[i])
				}
			}
		})
	}
}
