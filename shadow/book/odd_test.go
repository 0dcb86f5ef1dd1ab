package book_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// once is one request of which an answer alone was another in one place, of the service
// or the monolith's first, asked again as the mirror does.
func (b *busy) once(service bool, path string) {
	same, other := differing(), differing(path)
	r := b.record(shadow.NotReproducible, "", other, &same)
	r.Chosen, r.Crossed, r.Repeated = false, &other, &same
	if !service {
		r.Bucket, r.Again, r.Crossed, r.Repeated = shadow.Raced, &other, &same, nil
	}
	b.Record(r)
}

// equal are requests of which the answers are the same, one in a hundred of them a pair.
func (b *busy) equal(n int) {
	same := differing()
	for i := range n {
		if i%100 == 0 {
			b.ask(&same)
		} else {
			b.ask(nil)
		}
	}
}

// A service that is wrong at random does not differ again when it is asked again, and
// no gate opens by that.
func TestWrongAtRandomCounts(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read", Fingerprint: "rules", Compared: 3000, MismatchBelow: 0.001}})
	for range 23 {
		b.equal(151)
		b.once(true, "$.price")
	}
	r := b.adds(t)
	if r.Verdict.Mismatched != 23 || r.Verdict.State != report.Failing || r.Signatures[0].Judgement != report.Open {
		t.Errorf("%+v %+v", r.Verdict, r.Signatures)
	}
	if _, c, doubt := b.Comparisons("faq-read"); c.Mismatched != 23 || c.Excused != 0 || doubt == "" {
		t.Errorf("%+v %q", c, doubt)
	}
	// The monolith's noise elsewhere excuses nothing of it.
	for range 60 {
		b.once(false, "$.banner")
	}
	if r = b.adds(t); r.Verdict.Mismatched != 23 || r.Verdict.State == report.Met {
		t.Errorf("%+v", r.Verdict)
	}
}

// While there are too few comparisons a rollout, which counts its own, does not go on
// beside a signature that alone is more than the gate lets pass.
func TestContradictionIsDoubtBeforeTheGateIsMet(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	b.Configure([]book.Route{{Name: "faq-read", Fingerprint: "rules", Compared: 3000, MismatchBelow: 0.001}})
	b.equal(900)
	if _, _, doubt := b.Comparisons("faq-read"); doubt != "" {
		t.Errorf("nothing differs: %q", doubt)
	}
	for range 4 {
		b.once(true, "$.price")
	}
	if v := b.adds(t).Verdict; v.State != report.NotYet {
		t.Fatalf("%+v", v)
	}
	if _, _, doubt := b.Comparisons("faq-read"); !strings.Contains(doubt, "$.price") {
		t.Errorf("%q", doubt)
	}
}

// What is wrong in another place each time is no better, and cannot make what is kept of
// it grow without bound.
func TestWrongAtRandomAnywhereCounts(t *testing.T) {
	t.Parallel()
	store := book.NewMemory()
	b := newBusy(t, book.Options{Store: store})
	for i := range 300 {
		b.equal(20)
		b.once(true, "$.p"+strings.Repeat("x", i))
	}
	if r := b.adds(t); r.Verdict.State != report.Failing || r.Verdict.Mismatched != 300 {
		t.Errorf("%+v", r.Verdict)
	}
	for i := range 1000 {
		b.once(i%2 == 0, "$."+strings.Repeat("x", i))
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	has, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if odd := has.Eras[0].Noise.Odd; len(odd) == 0 || len(odd) > 128 {
		t.Errorf("%d sets are kept", len(odd))
	} else {
		for name := range odd {
			if len(name) > 512 {
				t.Errorf("a name of %d bytes", len(name))
			}
		}
	}
}

// Where the monolith's own first answer is the odd one as often, it is noise, is
// called so, and the gate is met; a service that is odd beyond that is not excused.
func TestRareNoiseOfTheMonolithIsExcused(t *testing.T) {
	t.Parallel()
	for _, more := range []int{0, 1} {
		b := newBusy(t, book.Options{})
		b.Configure([]book.Route{{Name: "faq-read", Fingerprint: "rules", Compared: 3000, MismatchBelow: 0.001}})
		r := rand.New(rand.NewPCG(20261121, 1))
		failing := false
		for range 150 {
			b.equal(400)
			b.once(r.IntN(2) == 0, "$.banner")
			if more > 0 {
				b.once(true, "$.banner")
			}
			failing = failing || b.adds(t).Verdict.State == report.Failing
		}
		got := b.adds(t)
		t.Logf("%d mismatches, %d excused of %d", got.Verdict.Mismatched, got.Verdict.Excused, got.Verdict.Compared)
		if more == 0 && (got.Verdict.State != report.Met || failing || got.Verdict.Excused < 40 || got.Signatures[0].Judgement != report.Noise) {
			t.Errorf("the service is the same: %+v %+v", got.Verdict, got.Signatures)
		}
		if more > 0 && (got.Verdict.State == report.Met || !failing) {
			t.Errorf("the service is worse: %+v", got.Verdict)
		}
	}
}

// What did not come again is noise when its place is learned, as what did.
func TestWhatDidNotComeAgainIsSettled(t *testing.T) {
	t.Parallel()
	store := book.NewMemory()
	b := newBusy(t, book.Options{Store: store})
	for range 30 {
		b.once(true, "$.at")
	}
	b.pairs(19, []string{"$.at"}, "$.at")
	if r := b.adds(t); r.Verdict.Mismatched != 30 {
		t.Fatalf("%+v", r.Verdict)
	}
	b.pairs(1, []string{"$.at"}, "$.at")
	if r := b.adds(t); r.Verdict.Mismatched != 0 || bucketOf(r, "noise") != 50 || bucketOf(r, "not_reproducible") != 0 {
		t.Errorf("%+v", r.Verdict)
	}
	b.once(true, "$.price")
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := newBusy(t, book.Options{Store: store}).adds(t); r.Verdict.Mismatched != 1 {
		t.Errorf("after a restart: %+v", r.Verdict)
	}
}

// A change of the monolith's data between two answers is no fault of the service's.
func TestAChangeInBetweenCountsForNobody(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	b.equal(1000)
	for range 100 {
		b.once(false, "$.comments[*]")
	}
	if r := b.adds(t); r.Verdict.State != report.Met || r.Verdict.Mismatched != 0 {
		t.Errorf("%+v", r.Verdict)
	}
}

// What the monolith rarely has beside is missing from the service's answer as often as it
// is more in it: both are one place, seen from either side.
func TestWhatIsRarelyThereIsExcused(t *testing.T) {
	t.Parallel()
	b := newBusy(t, book.Options{})
	one := func(name string, kind diff.Kind) *diff.Result {
		return &diff.Result{Verdict: diff.Different, Total: 1, Format: "json", Differences: []diff.Difference{
			{Path: "$.survey", Kind: kind, Signature: name, Place: name},
		}}
	}
	same := differing()
	extra, missing := one("$.survey extra none→bool", diff.Extra), one("$.survey missing bool→none", diff.Missing)
	for range 60 {
		b.equal(400)
		r := b.record(shadow.NotReproducible, "", *extra, &same)
		r.Chosen, r.Crossed = false, extra
		b.Record(r)
		r = b.record(shadow.Raced, "", *missing, missing)
		r.Chosen, r.Crossed = false, &same
		b.Record(r)
	}
	r := b.adds(t)
	if r.Verdict.State != report.Met || r.Verdict.Excused < 40 || len(r.Signatures) != 1 || r.Signatures[0].Judgement != report.Noise {
		t.Errorf("%+v %+v", r.Verdict, r.Signatures)
	}
}
