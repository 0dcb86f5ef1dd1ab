package book_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

func TestACaseIsPortableAndRedacted(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{
		Name: "faq-read", Pattern: "/v1/faq/{id}",
		Rules: []*diff.Rule{{Path: "$.at", Compare: "ignore", Because: "clock", Owner: "kb"}},
	}})
	b.Record(comparison(t, c, `{"a":"private"}`, `{"a":"secret"}`, nil))
	got, err := b.Case(t.Context(), "faq-read", "$.a value string→string")
	if err != nil {
		t.Fatal(err)
	}
	if got.Target != "/v1/faq/{id}?q={q}&lang={lang}" || got.Status != 200 || !strings.Contains(got.Expected, `"a": "<string>"`) ||
		len(got.Rules) != 1 || got.Parts[0].Monolith[:9] != "string:7:" {
		t.Errorf("%+v", got)
	}
	if _, err := b.Case(t.Context(), "faq-read", "$.b value string→string"); !errors.Is(err, book.ErrNoSample) {
		t.Error(err)
	}
	if _, err := b.Case(t.Context(), "tickets", "x"); !errors.Is(err, book.ErrUnknownRoute) {
		t.Error(err)
	}
}
