package stats

import (
	"math/rand/v2"
	"testing"
)

// learnedRun compares n requests of a busy route, of which a share is chosen for
// pairs, and says whether a place was learned, and when the service was first found to be worse than the
// monolith's noise there: by the counts, by the pairs, or by either before the
// pairs were enough for a gate (0: never).
func (p path) learnedRun(r *rand.Rand, n int, chosen float64) (known bool, excess, worse, found int) {
	var noise Noise
	var pairs Pairs
	for i := 1; i <= n; i++ {
		first := r.Float64() < p.monolith
		service := first || r.Float64() < p.service
		noise.Compared++
		if service {
			noise.Service++
		}
		if r.Float64() < chosen {
			second := first || r.Float64() < p.monolith
			pairs.Add(service, second)
			noise.Pairs++
			if second {
				noise.Differed++
			}
			if worse == 0 && pairs.Compared%25 == 0 && ours(&pairs) {
				worse = i
			}
			known = noise.Known(known)
			if known && excess == 0 && noise.Exceeds() {
				excess = i
			}
			if noise.Pairs <= Enough && found == 0 && (excess > 0 || worse > 0) {
				found = i
			}
		}
	}
	return known, excess, worse, found
}

// TestLearnedNoise holds what is claimed of learned noise, at the default share
// of pairs: a service like the monolith is called worse at most once in a thousand,
// looked at after each pair; one that is nine points worse on a field with 20 %
// noise is found before a gate may open, in at least 95 of 100.
func TestLearnedNoise(t *testing.T) {
	t.Parallel()
	const runs, share = 1000, 0.01
	for _, noise := range []float64{0.08, 0.2, 0.5, 0.9} {
		r := rand.New(rand.NewPCG(20261121, uint64(noise*1000)))
		learned, alarms := 0, 0
		for range runs {
			known, excess, _, _ := differing(noise, 0).learnedRun(r, 40_000, share)
			if known {
				learned++
			}
			if excess > 0 {
				alarms++
			}
		}
		t.Logf("%v noise, service the same: learned %d, false alarms %d of %d", noise, learned, alarms, runs)
		if learned < runs*95/100 || alarms > runs/1000 {
			t.Errorf("%v noise: learned in %d of %d, false alarms %d", noise, learned, runs, alarms)
		}
	}
	r := rand.New(rand.NewPCG(20261121, 9))
	const trials = 400
	byCounts, byPairs, either := 0, 0, 0
	for range trials {
		_, excess, worse, found := differing(0.2, 0.09).learnedRun(r, 110_000, share)
		if excess > 0 {
			byCounts++
		}
		if worse > 0 {
			byPairs++
		}
		if found > 0 {
			either++
		}
	}
	t.Logf("20 %% noise, 9 points worse: by counts %d, by pairs %d, before %d pairs %d, of %d", byCounts, byPairs, Enough, either, trials)
	if either < trials*95/100 || byPairs < trials*95/100 {
		t.Errorf("nine points worse: found in %d before the gate, by the pairs in %d, of %d", either, byPairs, trials)
	}
}

func TestNoiseIsKnownByEnoughPairs(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		n           Noise
		was, is     bool
		always, too bool
	}{
		{Noise{}, false, false, true, false},
		{Noise{Differed: 19, Pairs: 19}, false, false, true, false},
		{Noise{Differed: 20, Pairs: 20, Service: 900, Compared: 900}, false, true, true, false},
		{Noise{Differed: 20, Pairs: 401}, false, false, false, false},
		{Noise{Differed: 20, Pairs: 401}, true, true, false, false},
		{Noise{Differed: 20, Pairs: 801}, true, false, false, false},
		{Noise{Differed: 200, Pairs: 1000, Service: 29_000, Compared: 100_000}, true, true, false, true},
		{Noise{Differed: 200, Pairs: 1000, Service: 23_000, Compared: 100_000}, true, true, false, false},
		{Noise{Differed: 20, Pairs: 200, Service: 6, Compared: 10}, true, true, false, false},
	} {
		if got := x.n.Known(x.was); got != x.is {
			t.Errorf("%+v: known %v", x.n, got)
		}
		if got := x.n.Always(); got != x.always {
			t.Errorf("%+v: always %v", x.n, got)
		}
		if got := x.n.Exceeds(); got != x.too {
			t.Errorf("%+v: exceeds %v", x.n, got)
		}
	}
}
