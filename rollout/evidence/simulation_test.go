package evidence

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var long = flag.Bool("long", false, "simulate enough rollouts for the numbers in the documentation")

// world is how both arms behave.
type world struct {
	name      string
	errors    float64       // the monolith's error rate
	factor    float64       // the service's error rate over the monolith's
	sigma     float64       // the spread of the log-normal latencies
	slower    float64       // the service's latency over the monolith's
	after     time.Duration // how long both arms' failures take; 0: a millisecond
	drift     float64       // how far rate and latency swing with the hour, both arms alike
	tolerated Limits
	want      func(caught, alarmed float64) bool
}

// the limits that a plan's defaults come to: half of a harm of one percentage
// point, and half, in logarithms, of a latency ×1.5.
var usual = Limits{ErrorRate: 0.005, P95: math.Sqrt(1.5), P99: math.Sqrt(1.5), Level: 0.001 / (3 * 5), MinRequests: DefaultMinRequests}

// slowOnly is a plan without error_rate_above_monolith.
var slowOnly = Limits{P95: usual.P95, P99: usual.P99, Level: usual.Level, MinRequests: DefaultMinRequests}

func caughtInTime(caught, _ float64) bool { return caught >= 0.95 }

var worlds = []world{
	{name: "healthy, 1 % errors", errors: 0.01, factor: 1, sigma: 0.7, slower: 1, tolerated: usual},
	{name: "healthy, 1 % errors, restless hours", errors: 0.01, factor: 1, sigma: 0.7, slower: 1, drift: 0.5, tolerated: usual},
	{name: "healthy, 0.1 % errors, long tail", errors: 0.001, factor: 1, sigma: 1.2, slower: 1, tolerated: usual},
	{name: "healthy, 10 % errors", errors: 0.1, factor: 1, sigma: 0.4, slower: 1, tolerated: usual},
	{name: "errors 1 % -> 2 %", errors: 0.01, factor: 2, sigma: 0.7, slower: 1, tolerated: usual, want: caughtInTime},
	{name: "errors 1 % -> 2 %, restless hours", errors: 0.01, factor: 2, sigma: 0.7, slower: 1, drift: 0.5, tolerated: usual, want: caughtInTime},
	{name: "p95 x 1.5, sigma 0.4", errors: 0.01, factor: 1, sigma: 0.4, slower: 1.5, tolerated: usual, want: caughtInTime},
	{name: "p95 x 1.5, sigma 0.7", errors: 0.01, factor: 1, sigma: 0.7, slower: 1.5, tolerated: usual, want: caughtInTime},
	{name: "p95 x 1.5, sigma 1.2", errors: 0.01, factor: 1, sigma: 1.2, slower: 1.5, tolerated: usual, want: caughtInTime},
	{name: "p95 x 1.5, restless hours", errors: 0.01, factor: 1, sigma: 0.7, slower: 1.5, drift: 0.5, tolerated: usual, want: caughtInTime},
	{name: "irrelevant: 1 % -> 1.2 %, x 1.05", errors: 0.01, factor: 1.2, sigma: 0.7, slower: 1.05, tolerated: usual,
		want: func(_, alarmed float64) bool { return alarmed <= 0.1 }},
	{name: "healthy, 2 % time out", errors: 0.02, factor: 1, sigma: 0.7, slower: 1, after: 5 * time.Second, tolerated: usual},
	{name: "healthy, 2 % time out, restless hours", errors: 0.02, factor: 1, sigma: 0.7, slower: 1, after: 5 * time.Second, drift: 0.5, tolerated: usual},
	{name: "latency guards: timeouts 1 % -> 6 %", errors: 0.01, factor: 6, sigma: 0.7, slower: 1, after: 5 * time.Second, tolerated: slowOnly, want: caughtInTime},
	{name: "latency guards: refused 1 % -> 40 %", errors: 0.01, factor: 40, sigma: 0.7, slower: 1, tolerated: slowOnly,
		want: func(_, alarmed float64) bool { return alarmed <= 0.001 }},
	{name: "latency guards: the same, p95 x 1.5", errors: 0.01, factor: 40, sigma: 0.7, slower: 1.5, tolerated: slowOnly, want: caughtInTime},
	{name: "dead", errors: 0.01, factor: 100, sigma: 0.7, slower: 1, tolerated: usual, want: caughtInTime},
}

// simulation walks rollouts through 1, 5, 25 and 50 %.
type simulation struct {
	world
	rng   *rand.Rand
	asked int                 // the service's requests
	table [4096]time.Duration // latencies of equal chance
}

// looksPerStep is how often a step of DefaultMinRequests is looked at.
const looksPerStep = 30

// mostControl bounds the simulated monolith's requests to so many for each of
// the service's; at 1 % there really are 99, which only adds evidence.
const mostControl = 10

func simulate(w world, seed uint64) *simulation {
	s := &simulation{world: w, rng: rand.New(rand.NewPCG(seed, 7))}
	for i := range s.table {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(len(s.table))-1)
		s.table[i] = time.Duration(float64(40*time.Millisecond) * math.Exp(w.sigma*z))
	}
	return s
}

// arm draws an arm's interval. The latency of each bucket is scaled afterwards,
// since a factor is a shift of the table.
func (s *simulation) arm(n int, errors, slower float64, into *Tally) {
	var scaled [4096]uint16
	for i, took := range s.table {
		scaled[i] = uint16(bucketOf(time.Duration(float64(took) * slower)))
	}
	limit, failed := uint64(min(errors, 1)*(1<<52)), bucketOf(max(s.after, time.Millisecond))
	for range n {
		draw := s.rng.Uint64()
		if errors >= 1 || draw&(1<<52-1) < limit {
			into.Failed++
			into.FailedAfter[failed]++
			continue
		}
		into.Latency[scaled[draw>>52]]++
	}
}

// step runs one step and reports whether the service was rolled back: by two
// looks in a row that failed.
func (s *simulation) step(share float64) bool {
	trial := NewTrial(s.tolerated)
	breaches := 0
	n := DefaultMinRequests / looksPerStep
	control := int(float64(n) * min(mostControl, (1-share)/share))
	for look := 1; ; look++ {
		swing := 1 + s.drift*math.Sin(float64(look)/5)
		s.asked += n
		interval := new(Totals)
		s.arm(n, s.errors*swing*s.factor, swing*s.slower, &interval.Service)
		s.arm(control, s.errors*swing, swing, &interval.Monolith)
		trial.Add(interval)
		passed, failed := true, false
		for _, r := range trial.Reports() {
			passed = passed && r.Verdict == Pass
			failed = failed || r.Verdict == Fail
		}
		if !failed {
			breaches = 0
		} else if breaches++; breaches == 2 {
			return true
		}
		if passed && look >= looksPerStep {
			return false
		}
	}
}

// rollout reports the step, from 0, in which the service was rolled back; -1:
// in none.
func (s *simulation) rollout() int {
	for i, share := range []float64{0.01, 0.05, 0.25, 0.5} {
		if s.step(share) {
			return i
		}
	}
	return -1
}

type tally struct{ rollouts, caught, alarmed, asked int }

func run(w world, rollouts int) tally {
	workers := runtime.GOMAXPROCS(0)
	var mu sync.Mutex
	var all sync.WaitGroup
	sum := tally{}
	const chunk = 10 // a seed's share, so that the numbers do not depend on the machine
	next := 0
	for range workers {
		all.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				mu.Unlock()
				if seed*chunk >= rollouts {
					return
				}
				s := simulate(w, uint64(seed))
				for range chunk {
					step := s.rollout()
					mu.Lock()
					sum.asked += s.asked
					s.asked = 0
					sum.rollouts++
					if step >= 0 {
						sum.alarmed++
					}
					if step == 0 || step == 1 {
						sum.caught++
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return sum
}

// TestSimulatedRollouts holds the promise: a service that is no worse is rolled
// back in at most 0.1 % of rollouts, twice the errors or half as slow again is
// caught before the 25 % step in at least 95 %.
func TestSimulatedRollouts(t *testing.T) {
	t.Parallel()
	healthy, sick := 60, 100
	if *long {
		healthy, sick = 20_000, 4000
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-40s %9s %12s %12s %18s\n", "world", "rollouts", "rolled back", "before 25 %", "service's requests")
	for _, w := range worlds {
		rollouts := healthy
		if w.want != nil {
			rollouts = sick
		}
		sum := run(w, rollouts)
		caught, alarmed := float64(sum.caught)/float64(sum.rollouts), float64(sum.alarmed)/float64(sum.rollouts)
		fmt.Fprintf(&table, "%-40s %9d %10.3f %% %10.2f %% %18d\n", w.name, sum.rollouts, 100*alarmed, 100*caught, sum.asked/sum.rollouts)
		switch {
		case w.want != nil && !w.want(caught, alarmed):
			t.Errorf("%s: caught in %.2f %%", w.name, 100*caught)
		case w.want == nil && alarmed > 0.001:
			t.Errorf("%s: rolled back in %.3f %%", w.name, 100*alarmed)
		}
	}
	t.Logf("%d requests of the service in each step, looked at %d times\n%s", DefaultMinRequests, looksPerStep, &table)
}
