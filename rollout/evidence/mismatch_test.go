package evidence

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// compared simulates one service: of each interval's comparisons a share is wrong, and
// noise is how often two answers of the monolith differ. It answers
// after how many comparisons the guard failed, 0 if it did not, and its last
// verdict.
func compared(r *rand.Rand, limit, rate, noise float64, intervals int) (failed uint64, last Verdict) {
	const each, level = 100, 5e-5
	t := NewTrial(Limits{Mismatch: limit, Level: level})
	rarer := (1 - math.Sqrt(1-2*noise)) / 2
	for i := range intervals {
		t.Compare(mirrored(r, rate, rarer, each))
		for _, report := range t.Reports() {
			if report.Guard != Mismatch {
				continue
			}
			if last = report.Verdict; last == Fail {
				return uint64(each * (i + 1)), last
			}
		}
	}
	return 0, last
}

// TestMismatchesAreFoundAndNoiseIsNot: a rate at the limit is never called too
// high, a rate above it is, and a monolith that differs from itself is not the
// service's fault. Fixed seeds.
func TestMismatchesAreFoundAndNoiseIsNot(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name               string
		limit, rate, noise float64
		found              int    // of 200 services
		soon               uint64 // after at most so many comparisons
		last               Verdict
	}{
		{"none differs", 0.01, 0, 0, 0, 0, Pass},
		{"as many as allowed", 0.01, 0.01, 0, 0, 0, ""},
		{"twice as many", 0.01, 0.02, 0, 200, 20_000, Fail},
		{"all", 0.01, 1, 0, 200, 200, Fail},
		{"noise of a clock", 0.01, 0, 0.5, 0, 0, ""},
		{"rare noise", 0.001, 0, 0.02, 0, 0, ""},
		{"noise and mismatches", 0.01, 0.2, 0.05, 200, 5_000, Fail},
	} {
		found, soon := 0, uint64(0)
		for range 200 {
			after, last := compared(r, c.limit, c.rate, c.noise, 200)
			if after > 0 {
				found++
			}
			soon = max(soon, after)
			if c.last != "" && last != c.last {
				t.Errorf("%s: verdict %s, want %s", c.name, last, c.last)
				break
			}
		}
		if found != c.found || soon > c.soon {
			t.Errorf("%s: %d of 200 failed, the last after %d comparisons; want %d within %d", c.name, found, soon, c.found, c.soon)
		}
		t.Logf("%s: %d of 200 failed, the last after %d comparisons", c.name, found, soon)
	}
}

// TestMismatchNeedsEvidence: too few comparisons neither pass nor fail.
// TestNoNoiseIsAMismatch: a service that is the monolith's twin is never called
// worse, in however many parts the answers change, and of however few requests.
// The answers are drawn, and judged as package shadow does. Fixed seed.
func TestNoNoiseIsAMismatch(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		fields int     // of an answer, each of which has two values
		p      float64 // of the rarer one
		share  float64 // of the requests that have such an answer
	}{
		{"one field", 1, 0.1, 1},
		{"a coin", 1, 0.5, 1},
		{"five fields", 5, 0.1, 1},
		{"five coins", 5, 0.5, 1},
		{"twenty fields", 20, 0.05, 1},
		{"a coin in few requests", 1, 0.5, 0.1},
		{"five coins in few requests", 5, 0.5, 0.1},
		{"five coins in very few", 5, 0.5, 0.01},
	} {
		for range 50 {
			trial := NewTrial(Limits{Mismatch: 0.001, Level: 5e-5})
			for range 100 {
				trial.Compare(twins(r, c.fields, c.p, c.share))
				for _, report := range trial.Reports() {
					if report.Guard == Mismatch && report.Verdict == Fail {
						t.Fatalf("%s: %s", c.name, report.String())
					}
				}
			}
		}
	}
}

// twins compares 100 requests.
func twins(r *rand.Rand, fields int, p, share float64) (c Comparisons) {
	for range 100 {
		var answers [3]uint32 // the monolith's, the service's, and the monolith's again
		if r.Float64() < share {
			for i := range answers {
				for field := range fields {
					if r.Float64() < p {
						answers[i] |= 1 << field
					}
				}
			}
		}
		noisy := answers[0] ^ answers[2]
		differs := answers[0] ^ answers[1]
		if r.Float64() < 0.01 {
			c.Pairs++
			if noisy != 0 {
				c.Noisy++
			}
		}
		if differs != 0 && noisy != 0 {
			c.Unstable++
		}
		if differs != 0 && answers[1] == answers[2] {
			continue // raced
		}
		c.Compared++
		if differs&^noisy != 0 { // whether it differs again or not
			c.Mismatched++
		}
	}
	return c
}

func TestMismatchNeedsEvidence(t *testing.T) {
	t.Parallel()
	verdict := func(c Comparisons) Verdict {
		trial := NewTrial(Limits{Mismatch: 0.01})
		trial.Compare(c)
		return trial.Reports()[1].Verdict
	}
	for _, c := range []struct {
		c    Comparisons
		want Verdict
	}{
		{Comparisons{}, NotEnoughData},
		{Comparisons{Compared: 299}, NotEnoughData},
		{Comparisons{Compared: 300}, Pass},
		{Comparisons{Compared: 4, Mismatched: 4}, NotEnoughData},
		{Comparisons{Compared: 300, Mismatched: 4}, NotEnoughData}, // above, and not certainly
		{Comparisons{Compared: 100, Mismatched: 100}, Fail},
		{Comparisons{Compared: 100, Mismatched: 100, Unconfirmed: 100}, NotEnoughData}, // it may all be noise
		{Comparisons{Compared: 3000, Mismatched: 3000, Unconfirmed: 3000, Pairs: 30}, Fail},
	} {
		if got := verdict(c.c); got != c.want {
			t.Errorf("%+v: %s, want %s", c.c, got, c.want)
		}
	}
}

// mirrored are 100 comparisons of an interval as package shadow makes them with its
// budget: of the differences so many are asked about. differs, noisy and again are chances.
func mirrored(r *rand.Rand, wrong, rarer float64, budget int) (c Comparisons) {
	value := func() bool { return r.Float64() < rarer }
	for range 100 {
		first, second, service, faulty := value(), value(), value(), r.Float64() < wrong
		chosen := r.Float64() < 0.01
		if chosen {
			c.Pairs++
			if first != second {
				c.Noisy++
			}
		}
		c.Compared++
		if !faulty && service == first {
			continue
		}
		if !chosen && budget == 0 {
			c.Mismatched, c.Unconfirmed = c.Mismatched+1, c.Unconfirmed+1
			continue
		}
		if !chosen {
			budget--
		}
		if first != second {
			c.Unstable++
		}
		switch {
		case !faulty && first != second: // raced
			c.Compared--
		case faulty || first == second:
			c.Mismatched++
		}
	}
	return c
}

// TestTheGuardIsAsSharpAsWritten: what is known of the differences that were asked
// about is known of the others of the same seconds, so a few pairs do not blunt the guard;
// and a monolith that differs from itself, also in bursts, is not the service's fault. Fixed seeds.
func TestTheGuardIsAsSharpAsWritten(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(20261121, 4))
	for _, c := range []struct {
		name         string
		wrong, rarer float64
		bursts       bool
		found        int
		median       int // comparisons
	}{
		{"10 % wrong", 0.1, 0, false, 100, 800},
		{"10 % wrong, some noise", 0.1, 0.005, false, 100, 1200},
		{"as many as allowed", 0.03, 0, false, 0, 0},
		{"allowed ones and noise", 0.02, 0.01, false, 0, 0},
		{"noise", 0, 0.2, false, 0, 0},
		{"noise of a clock", 0, 0.5, false, 0, 0},
		{"noise in bursts", 0, 0.3, true, 0, 0},
		{"allowed ones, and noise in bursts", 0.02, 0.3, true, 0, 0},
	} {
		found, after := 0, []int{}
		for range 100 {
			trial := NewTrial(Limits{Mismatch: 0.03, Level: 5e-5})
			failed := 0
			for i := range 100 {
				rarer := c.rarer
				if c.bursts && i%10 != 3 {
					rarer = 0
				}
				trial.Compare(mirrored(r, c.wrong, rarer, 5))
				for _, report := range trial.Reports() {
					if report.Guard == Mismatch && report.Verdict == Fail && failed == 0 {
						failed = 100 * (i + 1)
					}
				}
			}
			if failed > 0 {
				found++
				after = append(after, failed)
			}
		}
		slices.Sort(after)
		median := 0
		if found > 0 {
			median = after[found/2]
		}
		t.Logf("%s: %d of 100 failed, at the median after %d comparisons", c.name, found, median)
		if found != c.found || median > c.median {
			t.Errorf("%s: %d failed, median %d; want %d within %d", c.name, found, median, c.found, c.median)
		}
	}
}

// TestTheLimitIsTheOperators: the number that is called the limit is the plan's.
func TestTheLimitIsTheOperators(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		c    Comparisons
		want string
	}{
		{Comparisons{Compared: 97, Mismatched: 19, Unconfirmed: 19, Pairs: 2},
			"mismatch not enough data: 19.6 % of 97 comparisons, limit 3 %; 22.6 % more may be the monolith's own noise, as far as is known: it was asked twice by chance 2 times; again: in the route's shadow says how often"},
		{Comparisons{Compared: 3000, Mismatched: 300, Pairs: 30}, "mismatch fail: 10 % of 3000 comparisons, limit 3 %"},
		{Comparisons{Compared: 3000, Mismatched: 3, Pairs: 30}, "mismatch pass: 0.1 % of 3000 comparisons, limit 3 %"},
	} {
		trial := NewTrial(Limits{Mismatch: 0.03})
		trial.Compare(c.c)
		if got := trial.Reports()[1].String(); got != c.want {
			t.Errorf("%s", got)
		}
	}
}
