package book_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const clockPlace = "$.at value string→string"

// differing is a result that differs in these places.
func differing(paths ...string) diff.Result {
	out := diff.Result{Verdict: diff.Equal, Format: "json"}
	for _, path := range paths {
		name := path + " value string→string"
		out.Differences = append(out.Differences, diff.Difference{Path: path, Kind: diff.Value, Signature: name, Place: name})
		out.Verdict, out.Total = diff.Different, out.Total+1
	}
	return out
}

// busy gives a book what a mirror would: unasked requests of which the service
// differs in some paths, and pairs of which the monolith does in others.
type busy struct {
	*book.Book
	clock *clock
	build string // of the service
	mono  string
}

func (b *busy) record(bucket shadow.Bucket, why string, result diff.Result, again *diff.Result) *shadow.Record {
	return &shadow.Record{
		Route: "faq-read", At: b.clock.now(), Bucket: bucket, Why: why, Result: result, Again: again, Chosen: again != nil,
		Rules: "rules", Monolith: shadow.Side{Build: b.mono}, Service: shadow.Side{Build: b.build},
	}
}

// ask is one request, judged as the mirror does.
func (b *busy) ask(again *diff.Result, service ...string) {
	r := b.record(shadow.Equal, "", differing(service...), again)
	if r.Result.Total > 0 {
		learned := b.Learned(r)
		within := func(of map[string]bool) bool {
			for _, d := range r.Result.Differences {
				if !of[d.Place] {
					return false
				}
			}
			return true
		}
		r.Bucket, r.Why = shadow.Different, "not_asked_again"
		if within(learned) {
			r.Bucket, r.Why = shadow.Noise, "learned"
		} else if again != nil {
			own := map[string]bool{}
			for _, d := range again.Differences {
				own[d.Place] = true
			}
			if r.Why = ""; within(own) {
				r.Bucket = shadow.Noise
			}
		}
	}
	b.Record(r)
}

func (b *busy) pairs(n int, monolith []string, service ...string) {
	for range n {
		again := differing(monolith...)
		b.ask(&again, service...)
	}
}

func newBusy(t *testing.T, o book.Options) *busy {
	t.Helper()
	b, c := open(t, o)
	b.Configure([]book.Route{{Name: "faq-read", Owner: "kb", Fingerprint: "rules", Compared: 100, MismatchBelow: 0.01}})
	return &busy{Book: b, clock: c, build: "s1", mono: "m1"}
}

// adds holds that the buckets add up, and gives the route's report.
func (b *busy) adds(t *testing.T) *report.Route {
	t.Helper()
	r := look(t, b.Book, "faq-read")
	sum := uint64(0)
	for _, bucket := range r.Coverage.Buckets {
		sum += bucket.Count
		whys := uint64(0)
		for _, why := range bucket.Why {
			whys += why.Count
		}
		if whys > bucket.Count {
			t.Errorf("bucket %s has %d, its reasons %d", bucket.Bucket, bucket.Count, whys)
		}
	}
	if sum != r.Coverage.Sampled || r.Verdict.Mismatched+r.Verdict.Excused != bucketOf(r, "different")+bucketOf(r, "not_reproducible") {
		t.Errorf("buckets %d, sampled %d; mismatched %d, different %d", sum, r.Coverage.Sampled, r.Verdict.Mismatched, bucketOf(r, "different"))
	}
	return r
}

func bucketOf(r *report.Route, name string) uint64 {
	for _, b := range r.Coverage.Buckets {
		if b.Bucket == name {
			return b.Count
		}
	}
	return 0
}

func TestNoiseIsLearnedFromPairs(t *testing.T) {
	t.Parallel()
	store := book.NewMemory()
	b := newBusy(t, book.Options{Store: store})
	for range 500 {
		b.ask(nil, "$.at")
	}
	b.ask(nil, "$.at", "$.price")
	b.pairs(19, []string{"$.at"}, "$.at")
	if r := b.adds(t); r.Verdict.Mismatched != 501 || r.Verdict.State != report.NotYet || r.Verdict.NeededPairs != 1 || len(r.Verdict.Reasons) != 1 || len(r.Noise) != 0 {
		t.Fatalf("before it is learned: %+v", r.Verdict)
	}
	b.pairs(1, []string{"$.at"}, "$.at")
	for range 500 {
		b.ask(nil, "$.at")
	}
	r := b.adds(t)
	if r.Verdict.Mismatched != 1 || bucketOf(r, "noise") != 1020 || r.Verdict.State == report.Failing {
		t.Errorf("learned: %+v, noise %d", r.Verdict, bucketOf(r, "noise"))
	}
	want := `{ path: "$.at", because: "the monolith differs from itself there, in 20 of 20 pairs", owner: "kb" }`
	if len(r.Noise) != 1 || r.Noise[0].State != report.NoiseBlind || r.Noise[0].Place != clockPlace || r.Noise[0].Rule != want || !r.Noise[0].Since.Equal(start) {
		t.Errorf("noise: %+v", r.Noise)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := newBusy(t, book.Options{Store: store})
	again.ask(nil, "$.at")
	if r := again.adds(t); r.Verdict.Mismatched != 1 || bucketOf(r, "noise") != 1021 {
		t.Errorf("after a restart: %+v", r.Verdict)
	}
	again.build = "s2"
	again.ask(nil, "$.at")
	if r := again.adds(t); r.Era.Number != 2 || r.Verdict.Mismatched != 0 || bucketOf(r, "noise") != 1 {
		t.Errorf("another build of the service: era %d, %+v", r.Era.Number, r.Verdict)
	}
	again.mono = "m2"
	again.ask(nil, "$.at")
	if r := again.adds(t); r.Era.Number != 3 || r.Verdict.Mismatched != 1 || len(r.Noise) != 0 {
		t.Errorf("another build of the monolith: era %d, %+v, %+v", r.Era.Number, r.Verdict, r.Noise)
	}
}

// Where the service differs more often than the monolith's noise explains, its
// differences count, and no gate opens.
func TestNoiseExcusesNoMoreThanItself(t *testing.T) {
	t.Parallel()
	for _, more := range []float64{0, 0.09} {
		b := newBusy(t, book.Options{})
		r := rand.New(rand.NewPCG(20261121, 3))
		opened := false
		for i := range 60_000 {
			var again *diff.Result
			if i%50 == 0 {
				second := differing()
				if r.Float64() < 0.2 {
					second = differing("$.at")
				}
				again = &second
			}
			if r.Float64() < 0.2+more {
				b.ask(again, "$.at")
			} else {
				b.ask(again)
			}
			if i%1000 == 999 {
				_, c, doubt := b.Comparisons("faq-read")
				opened = opened || doubt == "" && c.Mismatched*100 < c.Compared
				if doubt == "" && c.Pairs < 1000 && b.adds(t).Noise != nil {
					t.Fatalf("a gate may open after %d pairs", c.Pairs)
				}
			}
		}
		got := b.adds(t)
		if more == 0 && (!opened || got.Verdict.State != report.Met || got.Noise[0].State != report.NoiseLearned) {
			t.Errorf("the service is the same: %+v %+v", got.Verdict, got.Noise)
		}
		if more > 0 && (opened || got.Verdict.State != report.Failing || got.Noise[0].State != report.NoiseExceeded || got.Verdict.Mismatched == 0) {
			t.Errorf("nine points worse: opened %v, %+v %+v", opened, got.Verdict, got.Noise)
		}
		if named := strings.Count(strings.Join(got.Verdict.Reasons, "\n"), clockPlace); more > 0 && named != 1 {
			t.Errorf("one place is named %d times: %q", named, got.Verdict.Reasons)
		}
	}
}

// A part of a page that is always another says nothing of the part beside it.
func TestOneNoisyPartDoesNotHideAnother(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	page := func(lines ...int) *diff.Result {
		out := differing()
		for _, i := range lines {
			path := fmt.Sprintf("$.html[0].p[%d].#text[0]", i)
			out.Differences = append(out.Differences, diff.Difference{
				Path: path, Signature: "$.html[*].p[*].#text[*] value string→string", Place: path + " value string→string",
			})
			out.Verdict, out.Total = diff.Different, out.Total+1
		}
		return &out
	}
	for range 40 {
		b.Record(b.record(shadow.Different, "", *page(0, 7), page(0)))
	}
	r := b.adds(t)
	if r.Verdict.State != report.Failing || len(r.Signatures) != 1 || r.Signatures[0].Judgement != report.Worse || r.Signatures[0].Noise != 1 {
		t.Errorf("%+v %+v", r.Verdict, r.Signatures)
	}
	if r.Verdict.Mismatched != 40 || len(r.Noise) != 1 || !strings.HasPrefix(r.Noise[0].Place, "$.html[0].p[0]") {
		t.Errorf("%d mismatches, %+v", r.Verdict.Mismatched, r.Noise)
	}
}

// What would leave nothing to be compared is not learned: a body as a whole, a status.
func TestWholeAnswersAreNotLearned(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	whole := diff.Result{Verdict: diff.Different, Total: 1, Format: "bytes", Differences: []diff.Difference{
		{Path: "$", Kind: diff.Value, Signature: "$ value bytes→bytes", Place: "$ value bytes→bytes"},
	}}
	status := diff.Result{Verdict: diff.Different, Total: 1, Differences: []diff.Difference{
		{Path: "status", Kind: diff.Value, Signature: "status value 200→302", Place: "status value 200→302"},
	}}
	for range 100 {
		b.Record(b.record(shadow.Noise, "", whole, &whole))
		b.Record(b.record(shadow.Noise, "", status, &status))
	}
	if got := b.Learned(b.record(shadow.Equal, "", whole, nil)); len(got) != 0 {
		t.Errorf("learned: %v", got)
	}
}

// What an answer says cannot make what is learned grow without bound.
func TestLearnedNoiseIsBounded(t *testing.T) {
	t.Parallel()
	store := book.NewMemory()
	b := newBusy(t, book.Options{Store: store})
	for i := range 3000 {
		name := fmt.Sprintf("$.n%d%s", i, strings.Repeat("x", 300))
		b.pairs(1, []string{name}, name+"y")
		b.ask(nil, name+"z")
		b.clock.add(time.Second)
	}
	b.adds(t)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	has, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := has.Eras[0].Noise
	size := 0
	for name := range n.Doubtful {
		size += len(name)
	}
	if len(n.Places) == 0 || len(n.Places) > 256 || size == 0 || size > 64<<10 {
		t.Errorf("%d places, %d bytes of doubt", len(n.Places), size)
	}
}

// Within one build of the monolith noise fades by what is asked after it: a service
// that goes on where the monolith has stopped counts again within some pairs, however
// long it was noise; the place itself is forgotten when it is rare among all pairs.
func TestNoiseThatHasEndedIsFound(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	b.pairs(1000, []string{"$.at"}, "$.at")
	if r := b.adds(t); r.Noise[0].State != report.NoiseBlind {
		t.Fatalf("%+v", r.Noise)
	}
	found := 0
	for b.adds(t).Noise[0].State != report.NoiseExceeded {
		if found++; found > 50 {
			t.Fatalf("after %d pairs in which the service alone differed: %+v", found, b.adds(t).Noise)
		}
		b.pairs(1, nil, "$.at")
	}
	t.Logf("found after %d pairs", found)
	if r := b.adds(t); r.Verdict.State != report.Failing {
		t.Errorf("%+v", r.Verdict)
	}
	b.pairs(37_000, nil)
	if r := b.adds(t); len(r.Noise) != 1 {
		t.Fatalf("known in 1,000 of %d pairs: %+v", 38_000+found, r.Noise)
	}
	b.pairs(2_100, nil)
	if r := b.adds(t); len(r.Noise) != 0 {
		t.Errorf("it was not forgotten: %+v", r.Noise)
	}
}

// What is waited for is said: so many more pairs.
func TestPairsToGo(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	b.pairs(100, []string{"$.at"}, "$.at")
	b.pairs(228, nil)
	b.equal(5000)
	c := 1000 - b.adds(t).Noise[0].Pairs
	v := b.Verdict("faq-read")
	if v.State != report.NotYet || v.Needed != 0 || v.NeededPairs != c || len(v.Reasons) != 1 {
		t.Errorf("%+v, want %d", v, c)
	}
	if _, _, doubt := b.Comparisons("faq-read"); !strings.Contains(doubt, "1,000 pairs") {
		t.Error(doubt)
	}
}
