package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/strangler-proxy/strangler/rollout/evidence"
)

func TestUpperBoundOfTheMismatchRate(t *testing.T) {
	t.Parallel()
	// With no mismatch Clopper and Pearson's bound is 1 - 0.05^(1/n).
	for _, n := range []uint64{1, 100, 1_000, 10_000, 3_000_000} {
		want := -math.Expm1(math.Log(0.05) / float64(n))
		if got := (Rate{0, n}).Upper(); math.Abs(got-want) > want*1e-6 {
			t.Errorf("0 of %d: %v, want %v", n, got, want)
		}
	}
	if got := (Rate{}).Upper(); got != 1 {
		t.Errorf("without comparisons: %v", got)
	}
	if got := (Rate{5, 5}).Upper(); got != 1 {
		t.Errorf("mismatches alone: %v", got)
	}
}

func TestNeededIsTheFirstThatIsEnough(t *testing.T) {
	t.Parallel()
	for _, r := range []Rate{{0, 0}, {0, 500}, {1, 10}, {7, 1000}} {
		n, ok := r.Needed(0.001)
		if !ok || (Rate{r.Mismatches, r.Compared + n}).Upper() >= 0.001 || (Rate{r.Mismatches, r.Compared + n - 1}).Upper() < 0.001 {
			t.Errorf("%+v: %d %v", r, n, ok)
		}
	}
	if n, ok := (Rate{0, 2995}).Needed(0.001); n != 0 || !ok {
		t.Errorf("met already: %d %v", n, ok)
	}
	if _, ok := (Rate{0, 10}).Needed(0); ok {
		t.Error("no number of comparisons proves a rate of zero")
	}
}

func TestHolmCountsAllPaths(t *testing.T) {
	t.Parallel()
	sure := Pairs{Compared: 100, Service: 14}
	if got := Findings(map[string]Pairs{"a": sure}); !got[0].Worse {
		t.Errorf("alone: %+v", got)
	}
	many := map[string]Pairs{"a": sure}
	for i := range 500 {
		many[string(rune('一'+i))] = Pairs{Compared: 100, Both: 3}
	}
	got := Findings(many)
	if got[0].Path != "a" || got[0].Worse || got[0].P < 400*sure.P() {
		t.Errorf("among 501: %+v", got[0])
	}
	for i := 1; i < len(got); i++ {
		if got[i].P < got[i-1].P {
			t.Fatalf("adjusted p-values fall at %d", i)
		}
	}
}

// path is one field of an answer: how often an answer of the monolith, and of
// the service, has something else in it than it mostly has. Two unusual answers
// are not the same either.
type path struct{ monolith, service float64 }

// differing is a path that differs from itself that often, and with the service
// more often by so much.
func differing(noise, more float64) path {
	usual := math.Sqrt(1 - noise)
	return path{1 - usual, 1 - (1-noise-more)/usual}
}

// watch compares n requests and says whether the path was called worse at any
// of the looks on the way, as by someone who waits for it.
func (p path) watch(r *rand.Rand, n int, called func(*Pairs) bool) bool {
	var pairs Pairs
	for i := range n {
		first := r.Float64() < p.monolith
		pairs.Add(first || r.Float64() < p.service, first || r.Float64() < p.monolith)
		if (i+1)%25 == 0 && called(&pairs) {
			return true
		}
	}
	return false
}

func ours(p *Pairs) bool { return p.P() <= Level }

// diffy is the rule of Twitter's Diffy: more than the noise, by more than 20 %
// of both together, and in more than 0.03 % of all.
func diffy(p *Pairs) bool {
	raw, noise := float64(p.Both+p.Service), float64(p.Both+p.Monolith)
	return raw > noise && (raw-noise)/(raw+noise)*100 > 20 && (raw-noise)/float64(p.Compared)*100 > 0.03
}

func share(runs int, p path, n int, called func(*Pairs) bool) float64 {
	r := rand.New(rand.NewPCG(20261121, uint64(n)))
	hits := 0
	for range runs {
		if p.watch(r, n, called) {
			hits++
		}
	}
	return float64(hits) / float64(runs)
}

// TestSimulation holds the two errors against what is promised, on the data
// that Diffy's rule fails on.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for _, noise := range []float64{0.001, 0.002, 0.005, 0.2, 0.5} {
		p := differing(noise, 0)
		if got := share(5000, p, 1000, ours); got > Level {
			t.Errorf("noise %v: false alarms %v", noise, got)
		}
	}
	if got := share(2000, differing(0.2, 0.09), 1000, ours); got < 0.95 {
		t.Errorf("9 points more than 20 %% noise: seen in %v", got)
	}
	if got := share(2000, differing(0, 0.03), 1000, ours); got < 0.95 {
		t.Errorf("3 %% without noise: seen in %v", got)
	}
}

// TestSimulationCanFail holds the simulation itself: the rule that it is made
// for does fail in it.
func TestSimulationCanFail(t *testing.T) {
	t.Parallel()
	if got := share(1000, differing(0.002, 0), 1000, diffy); got < 0.05 {
		t.Errorf("false alarms of Diffy's rule: %v", got)
	}
	planned := func(p *Pairs) bool { return p.Compared == 1000 && diffy(p) }
	if got := share(1000, differing(0.2, 0.09), 1000, planned); got > 0.5 {
		t.Errorf("9 points more than 20 %% noise, by Diffy's rule: %v", got)
	}
}

func TestPairedIsAnOddsOfPairs(t *testing.T) {
	t.Parallel()
	var odds evidence.Odds
	for i := range 30 {
		table := evidence.Table{Service: 1, Monolith: 1, ServiceEvents: 1}
		if i%3 == 0 {
			table.ServiceEvents, table.MonolithEvents = 0, 1
		}
		odds.Add(table)
	}
	if got, want := evidence.Paired(20, 10), odds.Log(); math.Abs(got-want) > 1e-9 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNoPathIsNoFinding(t *testing.T) {
	t.Parallel()
	if got := Findings(nil); len(got) != 0 {
		t.Error(got)
	}
	if p := (&Pairs{}).P(); p < 0.999 {
		t.Error(p)
	}
	if noise := (&Pairs{}).Noise(); noise != 0 {
		t.Error(noise)
	}
}
