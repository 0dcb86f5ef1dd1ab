package book_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
