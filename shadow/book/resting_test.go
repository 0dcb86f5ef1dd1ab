package book_test

import (
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// A gate that is met by rules and noise alone is told from one that is met by
// answers that are the same.
func TestVerdictTellsThatItRestsOnWhatExcusesAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ended map[shadow.Bucket]int
		want  string // in what it says; empty: nothing
	}{
		"rules":             {map[shadow.Bucket]int{shadow.EqualByRule: 20}, "none of 20 comparisons is equal without what rules excuse: "},
		"noise":             {map[shadow.Bucket]int{shadow.Noise: 20, shadow.Raced: 5}, "none of 20 comparisons is equal without what noise excuses: "},
		"both, and a few":   {map[shadow.Bucket]int{shadow.EqualByRule: 10, shadow.Noise: 10, shadow.Different: 1}, "none of 21 comparisons is equal without what rules and noise excuse: "},
		"one is equal":      {map[shadow.Bucket]int{shadow.Equal: 1, shadow.EqualByRule: 20, shadow.Noise: 20}, ""},
		"differences count": {map[shadow.Bucket]int{shadow.EqualByRule: 1, shadow.Different: 20}, ""},
		"nothing compared":  {map[shadow.Bucket]int{shadow.ShadowTimeout: 1}, ""},
		"as many count":     {map[shadow.Bucket]int{shadow.Noise: 2, shadow.NotReproducible: 2}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := open(t, book.Options{})
			b.Configure([]book.Route{{Name: "faq-read", Compared: 2, MismatchBelow: 0.9}})
			for bucket, n := range test.ended {
				many(t, b, c, n, `{"a":2}`, func(r *shadow.Record) { r.Bucket = bucket })
			}
			got := look(t, b, "faq-read").Verdict
			if test.want == "" && got.RestsOn != "" || !strings.HasPrefix(got.RestsOn, test.want) {
				t.Errorf("%q", got.RestsOn)
			}
			if test.want != "" && got.State != report.Met {
				t.Errorf("%+v", got)
			}
		})
	}
}
