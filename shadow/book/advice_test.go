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

// What there was no room to ask is told apart from what was asked and not answered.
func TestAdviceTellsNoRoomFromNoAnswer(t *testing.T) {
	t.Parallel()
	const silent, crowded = "main: 20 of 60 gave no answer when asked a second time", "main was not asked a second time for 30 of the "
	for name, test := range map[string]struct {
		unanswered, unasked int
		want                []string
	}{
		"no answer": {20, 0, []string{silent}},
		"no room":   {0, 30, []string{crowded + "70 requests"}},
		"both":      {20, 30, []string{silent, crowded + "90 requests"}},
		"few":       {9, 9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := open(t, book.Options{})
			sides := book.Target{Name: "main", Build: "X-Build"}
			b.Configure([]book.Route{{Name: "faq-read", Monolith: sides, Service: sides}})
			same := differing()
			many(t, b, c, 40, `{"a":1}`, func(r *shadow.Record) { r.Chosen, r.Again = true, &same })
			many(t, b, c, test.unanswered, `{"a":1}`, func(r *shadow.Record) { r.Chosen = true })
			many(t, b, c, test.unasked, `{"a":1}`, func(r *shadow.Record) { r.Chosen, r.Unasked = true, true })
			got := look(t, b, "faq-read").Advice
			if len(got) != len(test.want) {
				t.Fatalf("%q", got)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("%q, want %q", got[i], test.want[i])
				}
			}
		})
	}
}
