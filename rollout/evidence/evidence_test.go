package evidence

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/routes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// exactSum is Σₓ C(n,x)·C(m,t−x)·ψˣ in whole numbers, for a whole ψ.
func exactSum(table Table, odds int64) *big.Float {
	n, m, t := int64(table.Service), int64(table.Monolith), int64(table.ServiceEvents+table.MonolithEvents)
	sum := new(big.Int)
	for x := max(0, t-m); x <= min(t, n); x++ {
		term := new(big.Int).Binomial(n, x)
		term.Mul(term, new(big.Int).Binomial(m, t-x))
		sum.Add(sum, term.Mul(term, new(big.Int).Exp(big.NewInt(odds), big.NewInt(x), nil)))
	}
	return new(big.Float).SetInt(sum)
}

func TestLogSumIsTheExactSum(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	tables := make([]Table, 0, 66)
	tables = append(tables, Table{1, 1, 1, 0}, Table{1, 0, 1, 1}, Table{5, 5, 5, 5}, Table{400, 0, 3, 3}, Table{3, 3, 400, 400}, Table{700, 700, 1, 0})
	for range 60 {
		n, m := rng.Uint64N(200)+1, rng.Uint64N(200)+1
		tables = append(tables, Table{n, rng.Uint64N(n + 1), m, rng.Uint64N(m + 1)})
	}
	for _, table := range tables {
		for _, odds := range []int64{1, 2, 100, 10_000} {
			exact := exactSum(table, odds)
			mantissa := new(big.Float)
			exponent := exact.MantExp(mantissa)
			m, _ := mantissa.Float64()
			want := math.Log(m) + float64(exponent)*math.Ln2
			near(t, "the sum", logSum(table, float64(odds)), want, 1e-9*max(1, math.Abs(want)))
		}
	}
}

// TestTheExpectedGainIsOne: what makes the e-value one, for every margin.
func TestTheExpectedGainIsOne(t *testing.T) {
	t.Parallel()
	for _, margin := range []struct{ n, m, events uint64 }{{1, 1, 1}, {10, 10, 7}, {3, 200, 5}, {200, 3, 9}, {50, 60, 100}} {
		expected := 0.0
		for x := max(margin.events, margin.m) - margin.m; x <= min(margin.events, margin.n); x++ {
			table := Table{margin.n, x, margin.m, margin.events - x}
			chance := logChoose(float64(margin.n), float64(x)) + logChoose(float64(margin.m), float64(margin.events-x)) - logSum(table, 1)
			var o Odds
			o.Add(table)
			expected += math.Exp(chance + o.Log())
		}
		near(t, "the expected gain", expected, 1, 1e-9)
	}
	weights := 0.0
	for _, a := range alternatives {
		weights += a.weight
	}
	near(t, "the weights", weights, 1, 1e-12)
	near(t, "nothing seen", new(Odds).Log(), 0, 1e-12)
}

func TestOneArmAloneSaysNothing(t *testing.T) {
	t.Parallel()
	var o Odds
	for _, table := range []Table{{100, 100, 0, 0}, {0, 0, 100, 100}, {100, 0, 100, 0}, {}} {
		o.Add(table)
	}
	near(t, "the evidence", o.Log(), 0, 1e-12)
	o.Add(Table{1e9, 3e7, 1e9, 1e7})
	if l := o.Log(); math.IsNaN(l) || l < 1e5 {
		t.Errorf("a billion requests: %v", l)
	}
}

func TestBucketsCoverEveryLatency(t *testing.T) {
	t.Parallel()
	for bucket := range Buckets {
		low, high := boundOf(bucket), boundOf(bucket+1)
		if low >= high || bucketOf(low) != bucket || bucketOf(high-1) != bucket {
			t.Fatalf("bucket %d: %s to %s holds %d to %d", bucket, low, high, bucketOf(low), bucketOf(high-1))
		}
		if low >= subs*time.Microsecond && float64(high-low) > float64(low)/16 {
			t.Errorf("bucket %d is %s wide at %s", bucket, high-low, low)
		}
	}
	for _, took := range []time.Duration{-time.Second, 0, 999} {
		if bucketOf(took) != 0 {
			t.Errorf("%s is in %d", took, bucketOf(took))
		}
	}
	if bucketOf(math.MaxInt64) != Buckets-1 {
		t.Error("centuries are not in the last bucket")
	}
}

func TestQuantilesAreThoseOfTheSample(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	var l Latencies
	if l.Quantile(0.95) != 0 {
		t.Error("nothing has a quantile")
	}
	sample := make([]time.Duration, 20_000)
	for i := range sample {
		sample[i] = time.Duration(float64(20*time.Millisecond) * math.Exp(rng.NormFloat64()))
		l.Count(sample[i])
	}
	slices.Sort(sample)
	for _, q := range []float64{0, 0.5, 0.95, 0.99, 0.999} {
		want := float64(sample[int(q*float64(len(sample)))])
		near(t, "quantile", float64(l.Quantile(q)), want, want/16)
	}
	half, rest := new(Latencies), new(Latencies)
	for i, took := range sample {
		if i%2 == 0 {
			half.Count(took)
		} else {
			rest.Count(took)
		}
	}
	half.Merge(rest)
	if *half != l {
		t.Error("two halves merged are not the whole")
	}
}

func TestRecorderCountsFromManyGoroutinesWithoutAllocating(t *testing.T) {
	t.Parallel()
	r := new(Recorder)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 1000 {
				r.Observe(routes.Arm(worker%2), time.Duration(i)*time.Millisecond, i%10 == 0)
			}
		})
	}
	all.Wait()
	var now Totals
	r.Read(&now)
	for arm, tally := range map[string]*Tally{"service": &now.Service, "monolith": &now.Monolith} {
		if tally.Requests() != 2000 || tally.Failed != 200 || tally.Latency.Total() != 1800 {
			t.Errorf("%s: %d requests, %d failed", arm, tally.Requests(), tally.Failed)
		}
	}
	before := now
	r.Observe(routes.Service, time.Second, false)
	r.Observe(routes.Monolith, time.Second, true)
	r.Read(&now)
	if d := now.Since(&before); d.Service.Requests() != 1 || d.Service.Latency[bucketOf(time.Second)] != 1 || d.Monolith.Failed != 1 || d.Monolith.Requests() != 1 {
		t.Errorf("since: %d and %d", d.Service.Requests(), d.Monolith.Requests())
	}
	fresh := new(Totals)
	new(Recorder).Read(fresh)
	fresh.Service.Failed = 7
	if d := fresh.Since(&now); *d != *fresh {
		t.Error("a new recorder's counts did not come after")
	}
}

func TestObserveDoesNotAllocate(t *testing.T) { //nolint:paralleltest // it counts allocations
	r := new(Recorder)
	if n := testing.AllocsPerRun(1000, func() { r.Observe(routes.Service, time.Millisecond, false) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestIntervalsMatchPublishedOnes(t *testing.T) {
	t.Parallel()
	// Newcombe 1998 (differences), table II, method 10: 56/70 − 48/80, 9/10 − 3/10, 10/10 − 0/10.
	for _, test := range []struct {
		table     Table
		low, high float64
	}{{Table{70, 56, 80, 48}, 0.0524, 0.3339}, {Table{10, 9, 10, 3}, 0.1705, 0.8090}, {Table{10, 10, 10, 0}, 0.6075, 1}} {
		low, high := test.table.Difference()
		near(t, "low", low, test.low, 5e-5)
		near(t, "high", high, test.high, 5e-5)
	}
	low, high := Wilson(81, 263) // Newcombe 1998 (proportions), table I, method 3
	near(t, "Wilson low", low, 0.2553, 5e-5)
	near(t, "Wilson high", high, 0.3662, 5e-5)
	near(t, "none of 3,000", UpperRate(0, 3000), 1-math.Pow(0.05, 1.0/3000), 1e-9)
	near(t, "nothing seen", UpperRate(0, 0), 1, 0)
	near(t, "all", UpperRate(5, 5), 1, 0)
	for _, test := range []struct{ k, n uint64 }{{1, 10}, {3, 3000}, {500, 1000}} {
		p := UpperRate(test.k, test.n)
		near(t, "the chance of so few", binomialAtMost(test.k, test.n, p), 0.05, 1e-6)
	}
}

// interval makes an interval in which every answer takes the same time.
func interval(table Table, service, monolith time.Duration) *Totals {
	t := new(Totals)
	t.Service.Failed, t.Monolith.Failed = table.ServiceEvents, table.MonolithEvents
	t.Service.Latency[bucketOf(service)] = table.Service - table.ServiceEvents
	t.Monolith.Latency[bucketOf(monolith)] = table.Monolith - table.MonolithEvents
	return t
}

func report(t *testing.T, trial *Trial, guard Guard) Report {
	t.Helper()
	for _, r := range trial.Reports() {
		if r.Guard == guard {
			return r
		}
	}
	t.Fatalf("no report of %s", guard)
	return Report{}
}

var limits = Limits{ErrorRate: 0.005, P95: 1.25, P99: 1.25, MinRequests: 1000}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		intervals []*Totals
		guard     Guard
		want      Verdict
	}{
		"nothing":               {nil, ErrorRate, NotEnoughData},
		"nothing about life":    {nil, Dead, NotEnoughData},
		"too little":            {[]*Totals{interval(Table{999, 0, 9999, 0}, ms, ms)}, ErrorRate, NotEnoughData},
		"a small control group": {[]*Totals{interval(Table{9999, 0, 99, 0}, ms, ms)}, ErrorRate, NotEnoughData},
		"no control group":      {[]*Totals{interval(Table{9999, 999, 0, 0}, ms, ms)}, ErrorRate, CouldNotMeasure},
		"enough":                {[]*Totals{interval(Table{1000, 10, 9999, 99}, ms, ms)}, ErrorRate, Pass},
		"worse":                 {[]*Totals{interval(Table{1000, 50, 9999, 99}, ms, ms)}, ErrorRate, Fail},
		"certain, but tolerated": {
			[]*Totals{interval(Table{1_000_000, 13_000, 1_000_000, 10_000}, ms, ms)}, ErrorRate, Pass,
		},
		"better":                          {[]*Totals{interval(Table{1000, 0, 9999, 999}, ms, ms)}, ErrorRate, Pass},
		"the first interval of a latency": {[]*Totals{interval(Table{9000, 0, 9000, 0}, 2*ms, ms)}, P95, NotEnoughData},
		"latencies without a monolith":    {[]*Totals{interval(Table{9000, 0, 0, 0}, ms, ms)}, P95, CouldNotMeasure},
		"slower":                          {[]*Totals{interval(Table{1, 0, 9000, 0}, ms, ms), interval(Table{100, 0, 9000, 0}, 2*ms, ms)}, P95, Fail},
		"slower in the tail":              {[]*Totals{interval(Table{1, 0, 9000, 0}, ms, ms), interval(Table{100, 0, 9000, 0}, 2*ms, ms)}, P99, Fail},
		"a little slower":                 {[]*Totals{interval(Table{1, 0, 9000, 0}, ms, ms), interval(Table{9000, 0, 9000, 0}, 11*ms/10, ms)}, P95, Pass},
		"dead from the start":             {[]*Totals{interval(Table{16, 16, 0, 0}, ms, ms)}, Dead, Fail},
		"dead after a good life":          {[]*Totals{interval(Table{9999, 0, 0, 0}, ms, ms), interval(Table{16, 16, 0, 0}, ms, ms)}, Dead, Fail},
		"alive":                           {[]*Totals{interval(Table{10_000, 2000, 0, 0}, ms, ms)}, Dead, Pass},
		"both are dead":                   {[]*Totals{interval(Table{999, 999, 999, 999}, ms, ms)}, Dead, Pass},
	} {
		trial := NewTrial(limits)
		for _, i := range test.intervals {
			trial.Add(i)
		}
		if r := report(t, trial, test.guard); r.Verdict != test.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestADeadServiceIsSeenAfterAFewRequests(t *testing.T) {
	t.Parallel()
	for share, most := range map[uint64]uint64{1: 6, 5: 8, 25: 12, 50: 16, 100: 16} {
		trial := NewTrial(limits)
		seen := uint64(0)
		for ; seen < 100; seen++ {
			if report(t, trial, Dead).Verdict == Fail || report(t, trial, ErrorRate).Verdict == Fail {
				break
			}
			monolith := (100 - share) / share
			if share == 50 || share == 25 {
				monolith = 100/share - 1
			}
			trial.Add(interval(Table{1, 1, monolith, 0}, 0, time.Millisecond))
		}
		t.Logf("at %d %% a dead service is seen after %d requests", share, seen)
		if seen > most {
			t.Errorf("at %d %% it took %d requests", share, seen)
		}
	}
}

func TestReportsTellWhatWasCounted(t *testing.T) {
	t.Parallel()
	trial := NewTrial(limits)
	trial.Add(interval(Table{100, 1, 9000, 90}, 10*time.Millisecond, 10*time.Millisecond))
	trial.Add(interval(Table{1000, 20, 9000, 90}, 20*time.Millisecond, 10*time.Millisecond))
	r := report(t, trial, ErrorRate)
	if r.Service.Requests != 1100 || r.Service.Events != 21 || r.Monolith.Requests != 18_000 || r.Monolith.Events != 180 ||
		r.Tolerated != 0.005 || r.Low >= r.Effect || r.High <= r.Effect || r.Needed < 9 {
		t.Errorf("error rate: %+v", r)
	}
	near(t, "the effect", r.Effect, 21.0/1100-0.01, 1e-12)
	r = report(t, trial, P95)
	if r.Service.Requests != 980 || r.Service.Events != 980 || r.Monolith.Events != 0 || r.Effect < 1.9 || r.Effect > 2.1 || r.Low > r.Effect || r.High < r.Effect {
		t.Errorf("p95: %+v", r)
	}
	if r.Service.Latency < 19*time.Millisecond || r.Monolith.Latency > 11*time.Millisecond {
		t.Errorf("latencies: %s and %s", r.Service.Latency, r.Monolith.Latency)
	}
	if n := len(NewTrial(Limits{}).Reports()); n != 1 {
		t.Errorf("without limits there are %d reports", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	r := new(Recorder)
	b.ReportAllocs()
	for b.Loop() {
		r.Observe(routes.Service, 12*time.Millisecond, false)
	}
}

func BenchmarkLook(b *testing.B) {
	i := interval(Table{1000, 20, 9000, 90}, 20*time.Millisecond, 10*time.Millisecond)
	trial := NewTrial(limits)
	b.ReportAllocs()
	for b.Loop() {
		trial.Add(i)
		trial.Reports()
	}
}

// TestAFailureIsSlowFromTheThresholdOn and nothing at all below it.
func TestAFailureIsSlowFromTheThresholdOn(t *testing.T) {
	t.Parallel()
	report := func(after time.Duration) Report {
		trial := NewTrial(Limits{P95: 1.2, MinRequests: 100})
		for range 20 {
			interval := new(Totals)
			for i := range 100 {
				interval.Service.Latency.Count(10 * time.Millisecond)
				interval.Monolith.Latency.Count(time.Duration(10+i/95*90) * time.Millisecond)
			}
			for range 10 {
				interval.Service.Failed++
				interval.Service.FailedAfter.Count(after)
			}
			trial.Add(interval)
		}
		return trial.Reports()[1]
	}
	fast, slow := report(time.Millisecond), report(3*time.Second)
	if fast.Verdict != Pass || fast.Service.Requests != 1900 || fast.Service.Events != 0 || fast.Service.Latency > 11*time.Millisecond {
		t.Errorf("%+v", fast)
	}
	if slow.Verdict != Fail || slow.Service.Requests != 2090 || slow.Service.Events != 190 || slow.Service.Latency < 2900*time.Millisecond {
		t.Errorf("%+v", slow)
	}
}

// TestWhatIsShownAsSlowDoesNotPass: a service with few requests, which begins to
// be slow after a while.
func TestWhatIsShownAsSlowDoesNotPass(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, slow := range []float64{0.05, 0.08, 0.2, 1} {
		trial, shown := NewTrial(Limits{ErrorRate: 0.005, P95: 1.2, P99: 1.2, MinRequests: 20}), 0
		for look := range 200 {
			interval := new(Totals)
			interval.Monolith.Latency[bucketOf(time.Duration(40+rng.IntN(20))*time.Millisecond)]++
			took := time.Duration(40+rng.IntN(20)) * time.Millisecond
			if look >= 20 && rng.Float64() < slow {
				took = 800 * time.Millisecond
			}
			interval.Service.Latency[bucketOf(took)]++
			trial.Add(interval)
			for _, r := range trial.Reports() {
				if r.Service.Latency == 0 || r.Service.Latency < 10*r.Monolith.Latency {
					continue
				}
				if shown++; r.Verdict == Pass {
					t.Errorf("%v slow, look %d: %s", slow, look, r)
				}
			}
		}
		if shown == 0 {
			t.Errorf("%v slow: never shown", slow)
		}
	}
}

// TestALatencyThatJumpsAtTheQuantilePasses: where five in a hundred of both arms
// time out, it is chance on which side of the jump the p95 of each is.
func TestALatencyThatJumpsAtTheQuantilePasses(t *testing.T) {
	t.Parallel()
	trial := NewTrial(Limits{P95: 1.2})
	for range 10 {
		interval := new(Totals)
		for arm, slow := range map[*Tally]uint64{&interval.Service: 51, &interval.Monolith: 49} {
			arm.Latency[bucketOf(50*time.Millisecond)] += 1000 - slow
			arm.Latency[bucketOf(5*time.Second)] += slow
		}
		trial.Add(interval)
	}
	if r := trial.Reports()[1]; r.Effect < 50 || r.Verdict != Pass {
		t.Errorf("%s, evidence %.3g, at least %.3g", r, r.Evidence, r.Low)
	}
}
