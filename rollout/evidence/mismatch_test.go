package evidence

import (
	"math/rand/v2"
	"testing"
)

// compared simulates one service: of each interval's comparisons a share differs,
// and noise is a chance with which the monolith differs from itself. It answers
// after how many comparisons the guard failed, 0 if it did not, and its last
// verdict.
func compared(r *rand.Rand, limit, rate, noise float64, intervals int) (failed uint64, last Verdict) {
	const each, chosen, level = 100, 0.01, 5e-5
	t := NewTrial(Limits{Mismatch: limit, Level: level})
	seen := uint64(0)
	for range intervals {
		var c Comparisons
		for range each {
			c.Compared++
			// As package shadow does: another answer that differs in the same way,
			// and a second answer of the monolith that does not differ from its first.
			faulty, noisy, again := r.Float64() < rate, r.Float64() < noise, r.Float64() < noise
			if faulty || noisy && !again && r.Float64() < noise {
				c.Mismatched++
			}
			if again && (faulty || noisy) {
				c.Unstable++
			}
			if r.Float64() < chosen {
				c.Pairs++
				if r.Float64() < noise {
					c.Noisy++
				}
			}
		}
		t.Compare(c)
		seen += each
		for _, report := range t.Reports() {
			if report.Guard != Mismatch {
				continue
			}
			if last = report.Verdict; last == Fail {
				return seen, last
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
		{"twice as many", 0.01, 0.02, 0, 200, 10_000, Fail},
		{"all", 0.01, 1, 0, 200, 200, Fail},
		{"noise of a clock", 0.01, 0, 0.5, 0, 0, ""},
		{"rare noise", 0.001, 0, 0.02, 0, 0, ""},
		{"noise and mismatches", 0.01, 0.2, 0.05, 200, 5_000, Fail},
	} {
		found, soon := 0, uint64(0)
		for range 200 {
			after, last := compared(r, c.limit, c.rate, c.noise, 100)
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
		var answers [4]uint32 // the monolith's, the service's, and both again
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
		differs, repeated := answers[0]^answers[1], answers[2]^answers[3]
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
		if differs&^noisy != 0 && repeated&^noisy != 0 {
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
