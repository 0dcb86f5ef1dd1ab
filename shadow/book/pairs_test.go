package book_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// field is one field of a simulated answer: how often the monolith's differs
// from what it mostly is, and how often the service's does.
type field struct{ monolith, service float64 }

// noisy is a field that differs from itself that often, and with the service
// more often by so much.
func noisy(noise, more float64) field {
	usual := math.Sqrt(1 - noise)
	return field{1 - usual, 1 - (1-noise-more)/usual}
}

// compared is one request to a simulated service, chosen for a second answer:
// what its two comparisons find in each field.
func compared(r *rand.Rand, fields []field, now *clock) (record *shadow.Record, service, monolith []bool) {
	result, again := &diff.Result{Verdict: diff.Equal}, &diff.Result{Verdict: diff.Equal}
	add := func(to *diff.Result, i int, differs bool) {
		if differs {
			path := fmt.Sprintf("$.f%c", 'a'+i)
			to.Verdict, to.Total = diff.Different, to.Total+1
			to.Differences = append(to.Differences, diff.Difference{Path: path, Kind: diff.Value, Signature: path + " value string→string"})
		}
	}
	for i, f := range fields {
		first := r.Float64() < f.monolith
		service, monolith = append(service, first || r.Float64() < f.service), append(monolith, first || r.Float64() < f.monolith)
		add(result, i, service[i])
		add(again, i, monolith[i])
	}
	record = &shadow.Record{Route: "faq-read", At: now.now(), Bucket: shadow.Equal, Result: *result, Chosen: true, Again: again}
	if result.Total > 0 {
		record.Bucket = shadow.NotReproducible
	}
	return record, service, monolith
}

// TestPairsAreCountedAsStatsDoes holds the book's sparse counts against a count
// of every request for every signature.
func TestPairsAreCountedAsStatsDoes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(20261121, 1))
	b, c := open(t, book.Options{})
	fields := []field{noisy(0.2, 0), noisy(0.01, 0.05), noisy(0.5, 0.1), noisy(0, 0.02), noisy(0.05, 0)}
	pairs := map[string]stats.Pairs{}
	for range 2000 {
		record, service, monolith := compared(r, fields, c)
		b.Record(record)
		for i := range fields {
			name := fmt.Sprintf("$.f%c value string→string", 'a'+i)
			p := pairs[name]
			p.Add(service[i], monolith[i])
			pairs[name] = p
		}
	}
	got := map[string]report.Signature{}
	for _, s := range look(t, b, "faq-read").Signatures {
		got[s.Signature] = s
	}
	for _, want := range stats.Findings(pairs) {
		s := got[want.Path]
		if s.P != want.P || (s.Judgement == report.Worse) != want.Worse || s.Pairs != want.Compared || s.Noise != want.Noise() || s.Count != want.Service+want.Both {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
}

// TestVerdictOfSimulatedServices holds the whole way, from records to the
// verdict, against what is promised: of a service that is as noisy as the
// monolith no run is called failing, whenever one looks, and of one that is
// worse most are.
func TestVerdictOfSimulatedServices(t *testing.T) {
	t.Parallel()
	runs := 100
	if testing.Short() {
		runs = 20
	}
	called := func(seed uint64, fields ...field) (n int) {
		r := rand.New(rand.NewPCG(20261121, seed))
		for range runs {
			b, c := open(t, book.Options{})
			for i := range 1000 {
				record, _, _ := compared(r, fields, c)
				b.Record(record)
				if i%25 < 24 {
					continue
				}
				if v := b.Verdict("faq-read"); v.State == report.Failing && strings.Contains(v.Reasons[0], "certainly more often") {
					n++
					break
				}
			}
		}
		return n
	}
	if n := called(2, noisy(0.001, 0), noisy(0.002, 0), noisy(0.005, 0), noisy(0.2, 0), noisy(0.5, 0)); n > 0 {
		t.Errorf("%d of %d services that are as noisy as the monolith are called worse", n, runs)
	}
	if n := called(3, noisy(0.2, 0.09)); n*100 < runs*95 {
		t.Errorf("9 points more than 20 %% noise: seen in %d of %d", n, runs)
	}
}
