package book_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// However many comparisons there are, no gate may open by what the report would
// call failing or blind, or by what was compared under another table.
func TestNoGateOpensOnDoubt(t *testing.T) {
	t.Parallel()
	const same = `{"a":1}`
	compared := func(t *testing.T, b *book.Book, c *clock) {
		t.Helper()
		many(t, b, c, 5000, same, func(r *shadow.Record) { r.Sides = "monolith, faq" })
	}
	table := func(change func(*book.Route)) []book.Route {
		compare, err := diff.New(diff.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := book.Route{Name: "faq-read", Compared: 3000, Fingerprint: compare.Fingerprint(), Sides: "monolith, faq"}
		change(&r)
		return []book.Route{r}
	}
	for name, test := range map[string]struct {
		then  func(t *testing.T, b *book.Book, c *clock)
		doubt string
	}{
		"none": {func(*testing.T, *book.Book, *clock) {}, ""},
		"stale": {func(_ *testing.T, _ *book.Book, c *clock) { c.add(72 * time.Hour) },
			"no request came to be compared for 3 days"},
		"the alarm": {func(_ *testing.T, b *book.Book, _ *clock) { b.Alarm("faq-read", "all is empty") },
			"all is empty"},
		"the alarm is over": {func(_ *testing.T, b *book.Book, _ *clock) {
			b.Alarm("faq-read", "all is empty")
			b.Alarm("faq-read", "")
		}, ""},
		"empty bodies": {func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 200_000, same, func(r *shadow.Record) { r.Sides, r.Result.Format = "monolith, faq", "empty" })
		}, "proves nothing"},
		"an expired rule": {func(_ *testing.T, b *book.Book, _ *clock) {
			b.Configure(table(func(r *book.Route) {
				r.Rules = []*diff.Rule{{Path: "$.at", Compare: "ignore", Because: "clock", Owner: "kb", Until: start}}
			}))
		}, "expired"},
		"other rules": {func(_ *testing.T, b *book.Book, _ *clock) {
			b.Configure(table(func(r *book.Route) { r.Fingerprint = "other" }))
		}, "nothing was compared by them yet"},
		"another service": {func(_ *testing.T, b *book.Book, _ *clock) {
			b.Configure(table(func(r *book.Route) { r.Sides = "monolith, tickets" }))
		}, "nothing was compared by them yet"},
		"a few mismatches, where only a number is asked for": {func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3, `{"a":2}`, func(r *shadow.Record) { r.Sides = "monolith, faq" })
		}, ""},
		"no answers": {func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 500, same, func(r *shadow.Record) { r.Bucket = shadow.ShadowTimeout })
		}, "without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := open(t, book.Options{})
			b.Configure(table(func(*book.Route) {}))
			compared(t, b, c)
			test.then(t, b, c)
			_, counts, doubt := b.Comparisons("faq-read")
			if counts.Compared < 5000 || (doubt == "") != (test.doubt == "") || !strings.Contains(doubt, test.doubt) {
				t.Errorf("%d, %q", counts.Compared, doubt)
			}
		})
	}
}

// What was compared before a restart is as old as it is, though the server has
// only just begun.
func TestStaleEvidenceOpensNoGateAfterARestart(t *testing.T) {
	t.Parallel()
	kept := book.NewMemory()
	b, c := open(t, book.Options{Store: kept})
	many(t, b, c, 5000, `{"a":1}`, nil)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.add(24 * time.Hour)
	again, err := book.Open(t.Context(), book.Options{Store: kept, Now: c.now, Key: key()})
	if err != nil {
		t.Fatal(err)
	}
	again.Configure([]book.Route{{Name: "faq-read"}})
	if _, counts, doubt := again.Comparisons("faq-read"); counts.Compared != 5000 || !strings.Contains(doubt, "no request came to be compared for 24 hours") {
		t.Errorf("%+v %q", counts, doubt)
	}
	many(t, again, c, 1, `{"a":1}`, nil)
	if _, _, doubt := again.Comparisons("faq-read"); doubt != "" {
		t.Error(doubt)
	}
}

// A reset that was just made is no silence.
func TestAResetIsNotBlind(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read"}})
	c.add(72 * time.Hour)
	many(t, b, c, 10, `{"a":1}`, nil)
	if err := b.Reset("faq-read", "anna", "the data was loaded anew"); err != nil {
		t.Fatal(err)
	}
	if v := b.Verdict("faq-read"); v.State != report.NotYet || v.Compared != 0 {
		t.Errorf("%+v", v)
	}
	c.add(15 * time.Minute)
	if v := b.Verdict("faq-read"); v.State != report.NotYet || v.Idle != "no request came to be compared for 15 minutes" {
		t.Errorf("%+v", v)
	}
}

// A night without a request is no fault: what was found holds, and says how old it
// is. Requests that come and are not compared are one.
func TestIdleIsNotBlind(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read"}})
	many(t, b, c, 5000, `{"a":1}`, nil)
	c.add(8 * time.Hour)
	v := b.Verdict("faq-read")
	if v.State != report.Met || v.Idle != "no request came to be compared for 8 hours" {
		t.Errorf("%+v", v)
	}
	b.Alarm("faq-read", "requests are sampled, nothing was compared")
	if v = b.Verdict("faq-read"); v.State != report.Blind || v.Idle != "" {
		t.Errorf("%+v", v)
	}
}

// Where all that comes may change something, the way out is named; and it is one reason.
func TestUnsafeRequestsAloneNameTheWayOut(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read"}})
	many(t, b, c, 25, `{"a":1}`, func(r *shadow.Record) { r.Bucket, r.Why = shadow.SkippedUnsafe, "method" })
	v := b.Verdict("faq-read")
	if v.State != report.NotYet || len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], "25 of 25 sampled requests may change something") || !strings.Contains(v.Reasons[0], "unsafe: dry_run") {
		t.Errorf("%+v", v)
	}
}

// Of another service nothing is known, whatever was of the one before.
func TestAnotherServiceBeginsFromNothing(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read", Sides: "monolith, faq"}})
	many(t, b, c, 900, `{"a":2}`, func(r *shadow.Record) { r.Sides = "monolith, faq" })
	if v := b.Verdict("faq-read"); v.State != report.Failing {
		t.Fatalf("%+v", v)
	}
	b.Configure([]book.Route{{Name: "faq-read", Sides: "monolith, other"}})
	if v := b.Verdict("faq-read"); v.State != report.NotYet || v.Needed != 3000 || v.Mismatched != 0 || v.Compared != 0 || len(v.Reasons) != 1 {
		t.Errorf("%+v", v)
	}
}

// Another service, and the service as what serves, are other evidence.
func TestOtherSidesBeginAnEra(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	for i, sides := range []string{"monolith, faq", "monolith, faq2", "faq2, monolith"} {
		many(t, b, c, 2, `{"a":1}`, func(r *shadow.Record) { r.Sides = sides })
		r := look(t, b, "faq-read")
		if r.Era.Number != uint64(i)+1 || r.Era.Compared != 2 || i > 0 && !strings.HasPrefix(r.Era.Cause, "other targets are compared: ") {
			t.Errorf("%+v", r.Era)
		}
	}
}

// What the guard allows for noise is counted where the service differed, and the
// monolith from itself too.
func TestUnstableIsCounted(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	again := func(verdict diff.Verdict) func(*shadow.Record) {
		return func(r *shadow.Record) { r.Again = &diff.Result{Verdict: verdict} }
	}
	many(t, b, c, 1, `{"a":1}`, again(diff.Different))
	many(t, b, c, 2, `{"a":2}`, again(diff.Equal))
	many(t, b, c, 4, `{"a":2}`, again(diff.Different))
	many(t, b, c, 8, `{"a":2}`, func(r *shadow.Record) { r.Bucket = shadow.Raced })
	many(t, b, c, 16, `{"a":2}`, func(r *shadow.Record) { again(diff.Different)(r); r.Rare = true })
	if _, counts, _ := b.Comparisons("faq-read"); counts.Unstable != 12 || counts.Compared != 7 {
		t.Errorf("%+v", counts)
	}
}

// TestManyRulesAreFewReasons: two hundred rules that were never hit are one screen,
// and all of them stand in the list of rules.
func TestManyRulesAreFewReasons(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	rules := make([]diff.Rule, 200)
	for i := range rules {
		rules[i] = diff.Rule{Path: fmt.Sprintf("$.old%d", i), Compare: "ignore", Because: "b", Owner: "kb"}
	}
	compare, err := diff.New(diff.Options{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	b.Configure([]book.Route{{Name: "faq-read", Rules: compare.Rules(), Fingerprint: compare.Fingerprint(), Compared: 1, MismatchBelow: 0.5}})
	many(t, b, c, 5000, `{"a":1}`, func(r *shadow.Record) { r.Rules = compare.Fingerprint() })
	out := look(t, b, "faq-read")
	reasons := strings.Join(out.Verdict.Reasons, "\n")
	if len(out.Verdict.Reasons) > 6 || !strings.Contains(reasons, "and 197 more rules that are never hit") || len(out.Rules) != 200 {
		t.Errorf("%d rules, %d reasons: %s", len(out.Rules), len(out.Verdict.Reasons), reasons)
	}
	var text strings.Builder
	if err := report.Text(&text, &report.Report{Routes: []report.Route{*out}}, false); err != nil || !strings.Contains(text.String(), "and 195 more: strangler shadow rules --route faq-read") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
