package stats

import (
	"math/rand/v2"
	"testing"

	"github.com/strangler-proxy/strangler/rollout/evidence"
)

const gateBelow = 0.001

// oddRun compares n requests to a service that is the monolith's twin on a field with two
// values, of which it has the rarer one with that chance, but answers wrongly in a share of its answers. It says whether
// the gate was met at the end, and whether at any look the rate of mismatches was
// certainly above it.
func oddRun(r *rand.Rand, n int, rarer, wrong float64) (met, failing bool) {
	var odd Odd
	different := uint64(0)
	for i := 1; i <= n; i++ {
		value := func() bool { return r.Float64() < rarer }
		first, second, faulty := value(), value(), r.Float64() < wrong
		service := value()
		switch {
		case !faulty && service == first:
		case !faulty: // it is as the monolith's second, or it is alone
			if second == first {
				if again := value(); again == second {
					odd.Service++
				} else {
					different++
				}
			} else {
				odd.Monolith++
			}
		case first == second:
			if r.Float64() < wrong {
				different++
			} else {
				odd.Service++
			}
		}
		if i%100 == 0 {
			if certain := different + odd.Certain(uint64(i)); certain >= 3 &&
				1-evidence.UpperRate(uint64(i)-certain, uint64(i)) >= gateBelow {
				failing = true
			}
		}
	}
	m := different + odd.Service - odd.Excused(uint64(n))
	return Rate{m, uint64(n)}.Upper() < gateBelow, failing
}

// TestTheOddOneOfThree holds what is claimed of answers that do not differ again: a
// service that is wrong at random meets no gate below its rate, beside whatever
// noise; one that is the monolith's twin is never called failing by them, and
// meets the gate when as much was compared as it takes.
func TestTheOddOneOfThree(t *testing.T) {
	t.Parallel()
	const runs = 100
	for _, c := range []struct {
		n                       int
		rarer, wrong            float64
		mostMet, leastMet       int // of runs
		mostFailing, leastFound int
	}{
		{3500, 0, 0, runs, runs, 0, 0},
		{3500, 0, 0.0066, 0, 0, runs, runs * 3 / 4}, // one bad answer in 150
		{3500, 0, 0.02, 0, 0, runs, runs},
		{3500, 0.001, 0, runs, 0, 0, 0}, // twins
		{3500, 0.003, 0, runs, 0, 0, 0},
		{30_000, 0.001, 0, runs, runs * 9 / 10, 0, 0},
		{60_000, 0.003, 0, runs, runs * 9 / 10, 0, 0},
		{30_000, 0.003, 0.001, runs / 10, 0, runs, 0}, // as much worse as the gate
		{30_000, 0.003, 0.003, 0, 0, runs, 0},
		{30_000, 0.003, 0.006, 0, 0, runs, runs},
	} {
		r := rand.New(rand.NewPCG(20261121, uint64(c.n)))
		met, failing := 0, 0
		for range runs {
			m, f := oddRun(r, c.n, c.rarer, c.wrong)
			if m {
				met++
			}
			if f {
				failing++
			}
		}
		t.Logf("%d comparisons, noise %.2g %%, wrong %.2g %%: met %d, failing %d of %d", c.n, 200*c.rarer, 100*c.wrong, met, failing, runs)
		if met > c.mostMet || met < c.leastMet || failing > c.mostFailing || failing < c.leastFound {
			t.Errorf("%+v", c)
		}
	}
}
