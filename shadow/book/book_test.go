package book_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

var start = time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func key() []byte { return []byte(strings.Repeat("k", 32)) }

func open(t *testing.T, o book.Options) (*book.Book, *clock) {
	t.Helper()
	c := &clock{at: start}
	o.Now = c.now
	if o.Key == nil {
		o.Key = key()
	}
	b, err := book.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b, c
}

// comparison is a record of two real answers, compared for real.
func comparison(t *testing.T, c *clock, monolith, service string, change func(*shadow.Record)) *shadow.Record {
	t.Helper()
	compare, err := diff.New(diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(body string) diff.Answer {
		return diff.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	}
	r := &shadow.Record{
		ID: "c-1", Route: "faq-read", RequestID: "r-1", At: c.now(), Rules: compare.Fingerprint(),
		Request: shadow.Request{Method: "GET", Host: "example.com", Target: "/v1/faq/8841?q=anna&lang=de", Header: http.Header{
			"Accept": {"application/json"}, "Cookie": {"sessionid=topsecret"}, "Authorization": {"Bearer topsecret"},
		}},
		Monolith: shadow.Side{Build: "m1", Answer: answer(monolith), Took: 20 * time.Millisecond},
		Service:  shadow.Side{Build: "s1", Answer: answer(service), Took: 10 * time.Millisecond},
	}
	r.Result = compare.Compare(r.Monolith.Answer, r.Service.Answer, c.now())
	r.Bucket = shadow.Equal
	if r.Result.Verdict == diff.Different {
		r.Bucket, r.Repeated = shadow.Different, &r.Result
	}
	if change != nil {
		change(r)
	}
	return r
}

func look(t *testing.T, b *book.Book, name string) *report.Route {
	t.Helper()
	r, err := b.Report(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, r)
	return &r.Routes[0]
}

// checkSum holds every route's buckets against what was sampled.
func checkSum(t *testing.T, r *report.Report) {
	t.Helper()
	for i := range r.Routes {
		var sum uint64
		for _, bucket := range r.Routes[i].Coverage.Buckets {
			sum += bucket.Count
		}
		if sum != r.Routes[i].Coverage.Sampled {
			t.Errorf("%s: the buckets add up to %d of %d", r.Routes[i].Route, sum, r.Routes[i].Coverage.Sampled)
		}
	}
}

func TestBucketsAddUpAndUnbiasedCounts(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	for i := range shadow.Buckets {
		for range i + 1 {
			b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Bucket, r.Why = shadow.Bucket(i), "word" }))
		}
		b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Bucket, r.Rare = shadow.Bucket(i), true }))
	}
	r := look(t, b, "faq-read")
	for i, bucket := range r.Coverage.Buckets {
		if bucket.Count != uint64(i)+1 {
			t.Errorf("%s: %d", bucket.Bucket, bucket.Count)
		}
	}
	if r.Coverage.Rare != uint64(shadow.Buckets) {
		t.Errorf("rare: %d", r.Coverage.Rare)
	}
	// equal 1, equal_by_rule 2, noise 3, not_reproducible 5, different 6.
	if compared, mismatched := b.Counts("faq-read"); compared != 17 || mismatched != 11 || r.Verdict.Compared != 17 || r.Verdict.Mismatched != 11 {
		t.Errorf("%d compared, %d mismatched, %+v", compared, mismatched, r.Verdict)
	}
}

func TestAnotherBuildBeginsAnEra(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	build := func(name string) {
		b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Service.Build = name }))
	}
	build("s1")
	build("s2")
	build("s1") // takes turns: counts where it belongs
	build("s2")
	build("") // an error page on the way
	r := look(t, b, "faq-read")
	if r.Era.Number != 2 || r.Era.Service != "s2" || r.Era.Compared != 3 || !strings.Contains(r.Era.Cause, "s1 → s2") {
		t.Errorf("%+v", r.Era)
	}
	if len(r.Earlier) != 1 || r.Earlier[0].Service != "s1" || r.Earlier[0].Compared != 2 {
		t.Errorf("%+v", r.Earlier)
	}
	c.add(6 * time.Minute)
	build("s1") // rolled back
	if r = look(t, b, "faq-read"); r.Era.Number != 3 || r.Era.Service != "s1" || r.Era.Compared != 1 {
		t.Errorf("%+v", r.Era)
	}
	b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Service.Build, r.Rules = "s1", "other" }))
	if r = look(t, b, "faq-read"); r.Era.Number != 4 || !strings.Contains(r.Era.Cause, "rules") {
		t.Errorf("%+v", r.Era)
	}
	if err := b.Reset("faq-read", "anna", "fixed the clock"); err != nil {
		t.Fatal(err)
	}
	r = look(t, b, "faq-read")
	if r.Era.Number != 5 || r.Era.Compared != 0 || r.Era.Cause != "reset by anna: fixed the clock" {
		t.Errorf("%+v", r.Era)
	}
	if compared, _ := b.Counts("faq-read"); compared != 7 {
		t.Errorf("counts fell: %d", compared)
	}
}

func TestPairsTellNoiseFromTheServicesFault(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	again := comparison(t, c, `{"a":1,"noise":1}`, `{"a":1,"noise":2}`, nil).Result
	for range 40 {
		b.Record(comparison(t, c, `{"a":1,"noise":1}`, `{"a":2,"noise":3}`, func(r *shadow.Record) { r.Chosen, r.Again = true, &again }))
	}
	r := look(t, b, "faq-read")
	if len(r.Signatures) != 2 {
		t.Fatalf("%+v", r.Signatures)
	}
	if s := r.Signatures[0]; !strings.HasPrefix(s.Signature, "$.a ") || s.Judgement != report.Worse || s.Confirmed != 40 || s.Noise != 0 {
		t.Errorf("%+v", s)
	}
	if s := r.Signatures[1]; s.Judgement != report.Noise || s.Noise != 1 || s.Pairs != 40 || s.Confirmed != 0 {
		t.Errorf("%+v", s)
	}
	if r.Verdict.State != report.Failing || !strings.Contains(r.Verdict.Reasons[0], "$.a value") {
		t.Errorf("%+v", r.Verdict)
	}
}

func TestASecondAnswerAskedForAfterTheFactIsNoPair(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	again := diff.Result{Verdict: diff.Equal}
	for range 100 {
		b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Again = &again }))
		b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Again, r.Chosen, r.Rare = &again, true, true }))
	}
	if s := look(t, b, "faq-read").Signatures[0]; s.Pairs != 0 || s.Judgement != report.Confirmed {
		t.Errorf("%+v", s)
	}
}

// TestWhatDiffersByChanceIsNoiseBesideARealDifference: a field that is noisy half
// of the time comes again by chance, next to one that the service has wrong, and
// where nobody could be asked again.
func TestWhatDiffersByChanceIsNoiseBesideARealDifference(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	for i := range 40 {
		again := comparison(t, c, `{"a":1,"noise":1}`, fmt.Sprintf(`{"a":1,"noise":%d}`, 1+i%2), nil).Result
		repeated := comparison(t, c, `{"a":1,"noise":1}`, fmt.Sprintf(`{"a":2,"noise":%d}`, 1+i/2%2), nil).Result
		b.Record(comparison(t, c, `{"a":1,"noise":1}`, `{"a":2,"noise":2}`, func(r *shadow.Record) { r.Again, r.Repeated = &again, &repeated }))
		b.Record(comparison(t, c, `{"c":1}`, `{"c":2}`, func(r *shadow.Record) { r.Why, r.Repeated = "not_asked_again", nil }))
	}
	got := map[string]report.Signature{}
	for _, s := range look(t, b, "faq-read").Signatures {
		got[s.Signature[:strings.IndexByte(s.Signature, ' ')]] = s
	}
	if s := got["$.a"]; s.Judgement != report.Confirmed || s.Confirmed != 40 {
		t.Errorf("%+v", s)
	}
	if s := got["$.noise"]; s.Judgement != report.Noise || s.Confirmed != 10 {
		t.Errorf("%+v", s)
	}
	if s := got["$.c"]; s.Judgement != report.Open || s.Confirmed != 0 {
		t.Errorf("%+v", s)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	expired := &diff.Rule{Path: "$.at", Compare: "ignore", Because: "clock", Owner: "kb", Until: start}
	never := &diff.Rule{Path: "$.old", Compare: "ignore", Because: "old", Owner: "kb"}
	same := `{"a":1}`
	for name, test := range map[string]struct {
		rules  []*diff.Rule
		record func(t *testing.T, b *book.Book, c *clock)
		want   report.State
		says   string
		needed uint64
	}{
		"too few": {want: report.NotYet, says: "there are fewer comparisons than the gate asks for", needed: 2990, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 10, same, nil)
		}},
		"enough": {want: report.Met, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, nil)
		}},
		"a mismatch": {want: report.NotYet, says: "there are too few comparisons to show that the rate of mismatches is below the gate's", needed: 1741, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, nil)
			many(t, b, c, 1, `{"a":2}`, nil)
		}},
		"many mismatches": {want: report.Failing, says: "there are certainly more mismatches than the gate lets pass", needed: 37656, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, nil)
			many(t, b, c, 30, `{"a":2}`, nil)
		}},
		"idle": {want: report.NotYet, says: "there are fewer comparisons than the gate asks for", needed: 3000, record: func(t *testing.T, _ *book.Book, c *clock) {
			t.Helper()
			c.add(20 * time.Minute)
		}},
		"nothing compared": {want: report.Blind, says: "4 ended as skipped_no_identity", needed: 3000, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			c.add(20 * time.Minute)
			many(t, b, c, 4, same, func(r *shadow.Record) { r.Bucket = shadow.SkippedNoIdentity })
		}},
		"empty": {want: report.Blind, says: "proves nothing", record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, func(r *shadow.Record) { r.Result.Format = "empty" })
		}},
		"errors": {want: report.Blind, says: "proves nothing", record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, func(r *shadow.Record) { r.Monolith.Answer.Status = 401 })
		}},
		"without an answer": {want: report.Failing, says: "without an answer", record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, nil)
			many(t, b, c, 60, same, func(r *shadow.Record) { r.Bucket = shadow.ShadowTimeout })
		}},
		"expired rule": {want: report.Failing, says: "$.at (kb) expired on 2026-05-04", rules: []*diff.Rule{expired}, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, nil)
		}},
		"rule never hit": {want: report.Failing, says: "$.old (kb) never excused anything", rules: []*diff.Rule{never}, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, nil)
		}},
		"rule hit": {want: report.Met, rules: []*diff.Rule{never}, record: func(t *testing.T, b *book.Book, c *clock) {
			t.Helper()
			many(t, b, c, 3000, same, func(r *shadow.Record) { r.Result.Excuses = []diff.Excuse{{Rule: never, Count: 1}} })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := open(t, book.Options{})
			b.Configure([]book.Route{{Name: "faq-read", Rules: test.rules}})
			test.record(t, b, c)
			v := look(t, b, "faq-read").Verdict
			if v.State != test.want || !strings.Contains(strings.Join(v.Reasons, "\n"), test.says) || v.Needed != test.needed {
				t.Errorf("%+v", v)
			}
			if len(v.Reasons) > 1 || (len(v.Reasons) == 0) != (v.State == report.Met) {
				t.Errorf("one cause, and these reasons: %q", v.Reasons)
			}
			if got := b.Verdict("faq-read"); !cmp.Equal(got, v) {
				t.Error(cmp.Diff(got, v))
			}
		})
	}
}

func many(t *testing.T, b *book.Book, c *clock, n int, service string, change func(*shadow.Record)) {
	t.Helper()
	r := comparison(t, c, `{"a":1}`, service, change)
	for range n {
		b.Record(r)
	}
}

func TestARestartInARollingDeployBeginsNoEra(t *testing.T) {
	t.Parallel()
	store := book.NewMemory()
	var b *book.Book
	for _, build := range []string{"s1", "s2", "s1"} {
		next, c := open(t, book.Options{Store: store})
		b = next
		b.Record(comparison(t, c, `{"a":1}`, `{"a":1}`, func(r *shadow.Record) { r.Service.Build = build }))
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r := look(t, b, "faq-read"); r.Era.Number != 2 || r.Era.Service != "s2" || r.Earlier[0].Compared != 2 {
		t.Errorf("%+v, earlier %+v", r.Era, r.Earlier)
	}
}
