package book_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
)

// TestKeptSamplesAreTheWorstSignaturesFirstAndTheNewestOfEach reads them from the
// store and from what waits for it.
func TestKeptSamplesAreTheWorstSignaturesFirstAndTheNewestOfEach(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{Store: book.NewMemory()})
	for i := range 4 {
		service := `{"a":"x"}`
		if i == 3 {
			service = `{"a":1,"b":2}`
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.add(time.Second)
		b.Record(comparison(t, c, `{"a":1}`, service, nil))
	}
	kept, err := b.Kept(t.Context(), "faq-read", "", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(kept))
	for _, k := range kept {
		got = append(got, fmt.Sprint(k.Signature, " ", k.At.Second()))
	}
	want := "$.a type number→string 3, $.a type number→string 2, $.a type number→string 1, $.b extra none→number 4"
	if strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", strings.Join(got, ", "), want)
	}
	if kept, err = b.Kept(t.Context(), "faq-read", "$.b extra none→number", 0, 1); err != nil || len(kept) != 1 {
		t.Errorf("%+v %v", kept, err)
	}
	if _, err = b.Kept(t.Context(), "faq-read", "$.c", 0, 1); !errors.Is(err, book.ErrUnknownSignature) {
		t.Error(err)
	}
	if _, err = b.Kept(t.Context(), "faq", "", 0, 1); !errors.Is(err, book.ErrUnknownRoute) {
		t.Error(err)
	}
}

// TestAListCutShortSaysSo: nobody takes the twenty elements shown for all.
func TestAListCutShortSaysSo(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	long := `{"l":[1` + strings.Repeat(",1", 24) + `],"m":[2]}`
	b.Record(comparison(t, c, long, `{}`, nil))
	expected := look(t, b, "faq-read").Signatures[0].Sample.Expected
	if strings.Count(expected, `"<number>"`) != 21 || !strings.Contains(expected, `"<5 more>"`+"\n") || strings.Count(expected, "more") != 1 {
		t.Error(expected)
	}
}

// TestSamplesOfAnEarlierBuildAreThere, and the report says of which era how many.
func TestSamplesOfAnEarlierBuildAreThere(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, nil))
	b.Record(comparison(t, c, `{"a":1}`, `{"a":1}`, func(r *shadow.Record) { r.Service.Build = "s2" }))
	r := look(t, b, "faq-read")
	if r.Era.Number != 2 || len(r.Earlier) != 1 || r.Earlier[0].Samples != 1 {
		t.Fatalf("%+v %+v", r.Era, r.Earlier)
	}
	for era, want := range map[uint64]int{0: 0, 1: 1, 2: 0} {
		if kept, err := b.Kept(t.Context(), "faq-read", "", era, 10); err != nil || len(kept) != want {
			t.Errorf("era %d: %d, %v", era, len(kept), err)
		}
	}
	if _, err := b.Kept(t.Context(), "faq-read", "", 3, 10); !errors.Is(err, book.ErrUnknownEra) {
		t.Error(err)
	}
}

// TestSecondAnswersThatDoNotComeAreToldOf, from the count on that is no accident.
func TestSecondAnswersThatDoNotComeAreToldOf(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read", Control: "second", Monolith: book.Target{Name: "monolith", Build: "X-Build"}, Service: book.Target{Name: "faq", Build: "X-Build"}}})
	for n := range 10 {
		if said := strings.Join(look(t, b, "faq-read").Advice, "\n"); strings.Contains(said, "second") {
			t.Errorf("after %d: %s", n, said)
		}
		b.Record(comparison(t, c, `{"a":1}`, `{"a":1}`, func(r *shadow.Record) { r.Chosen = true }))
	}
	if said := look(t, b, "faq-read").Advice; len(said) != 1 || !strings.HasPrefix(said[0], "second: 10 of 10 gave no answer") {
		t.Error(said)
	}
}
