package evidence

import "math"

// Verdict is what the evidence says.
type Verdict string

// The verdicts. No data is neither a pass nor a fail, and neither is a
// suspicion that more requests will confirm or clear.
const (
	Pass            Verdict = "pass"
	Fail            Verdict = "fail"
	NotEnoughData   Verdict = "not_enough_data"
	CouldNotMeasure Verdict = "could_not_measure"
)

// Guard names what is held against the monolith.
type Guard string

// The guards.
const (
	ErrorRate Guard = "error_rate"
	P95       Guard = "p95"
	P99       Guard = "p99"
	// Mismatch fails when too many of the service's answers differ from the
	// monolith's to the same requests, which a shadow has compared.
	Mismatch Guard = "mismatch"
	// Dead fails when most of what the service is asked fails.
	Dead Guard = "dead"
)

// DefaultLevel and DefaultMinRequests are what Limits fall back to.
const (
	DefaultLevel       = 5e-5
	DefaultMinRequests = 3000
)

// minFail is how many requests a service must have had before it can fail.
const minFail = 5

// Limits are what a trial holds a service to.
type Limits struct {
	// ErrorRate is the tolerated difference of the error rates, as a fraction:
	// 0.005 is half a percentage point. P95 and P99 are the tolerated ratios of
	// the latencies. 0 leaves the guard out.
	ErrorRate, P95, P99 float64
	// Mismatch is the limit of the rate of mismatches, from 0 to 1; 0 leaves the
	// guard out.
	Mismatch float64
	// Level is the chance that a guard ever fails a service that is no worse
	// than the monolith. Default DefaultLevel: with 3 guards and 5 steps, less
	// than 0.1 % for a rollout.
	Level float64
	// MinRequests is how many requests the service must have had before a guard
	// can pass; the monolith, a tenth of it. Default DefaultMinRequests.
	MinRequests uint64
}

// Trial holds a service against the monolith, interval by interval. Not safe
// for concurrent use. The zero value holds it to nothing but being alive.
type Trial struct {
	limits Limits
	totals Totals
	errors Odds
	slow   [2]slowness // P95, P99
	dead   float64

	mismatches mismatch
}

// NewTrial starts a trial with no evidence.
func NewTrial(limits Limits) *Trial {
	return &Trial{limits: limits, mismatches: mismatch{limit: limits.Mismatch}, slow: [2]slowness{
		{guard: P95, quantile: 0.95, tolerated: limits.P95}, {guard: P99, quantile: 0.99, tolerated: limits.P99},
	}}
}

// Add takes what was counted in the next interval. Both arms must have been
// counted over the same time. Short intervals are better: a rate that changes
// within one looks like a difference when the share changed in it too.
func (t *Trial) Add(interval *Totals) {
	t.errors.Add(failures(interval))
	for i := range t.slow {
		t.slow[i].add(interval, &t.totals)
	}
	t.addDead(interval)
	t.totals.Service.merge(&interval.Service)
	t.totals.Monolith.merge(&interval.Monolith)
}

// Compare takes what was compared in the next interval.
func (t *Trial) Compare(interval Comparisons) { t.mismatches.add(interval) }

// CompareAnew forgets what was compared: it was of other builds or rules.
func (t *Trial) CompareAnew() { t.mismatches = mismatch{limit: t.mismatches.limit} }

func failures(t *Totals) Table {
	return Table{t.Service.Requests(), t.Service.Failed, t.Monolith.Requests(), t.Monolith.Failed}
}

// Totals is what the trial has seen.
func (t *Trial) Totals() *Totals { return &t.totals }

// addDead is a CUSUM (E. S. Page, Biometrika 41, 1954) of the log likelihood
// ratio of 95 % failures against 50 %: it needs no monolith, forgets the time
// in which the service was well, and after some 15 failures in a row it is
// certain. Within an interval the order is not known, so an interval counts as
// a whole. One in which the monolith failed as badly says nothing about the
// service.
func (t *Trial) addDead(interval *Totals) {
	const dead, alive = 0.95, 0.5
	table := failures(interval)
	if 2*table.MonolithEvents > table.Monolith {
		return
	}
	failed, served := float64(table.ServiceEvents), float64(table.Service-table.ServiceEvents)
	t.dead = max(0, t.dead+failed*math.Log(dead/alive)+served*math.Log((1-dead)/(1-alive)))
}

// slowness counts, interval by interval, how many requests of each arm took
// longer than the monolith's quantile before that interval.
type slowness struct {
	guard               Guard
	quantile, tolerated float64
	odds                Odds
	counted             Table
}

// enough is how many of the monolith's latencies must lie above a threshold
// before it is one.
const enough = 5

func (s *slowness) add(interval, before *Totals) {
	total := before.Monolith.Latency.Total()
	if s.tolerated == 0 || (1-s.quantile)*float64(total) < enough {
		return
	}
	threshold := s.threshold(before)
	var table Table
	table.ServiceEvents, table.Service = interval.Service.slower(threshold)
	table.MonolithEvents, table.Monolith = interval.Monolith.slower(threshold)
	s.odds.Add(table)
	s.counted.Service += table.Service
	s.counted.ServiceEvents += table.ServiceEvents
	s.counted.Monolith += table.Monolith
	s.counted.MonolithEvents += table.MonolithEvents
}

// threshold is the bucket of the monolith's quantile.
func (s *slowness) threshold(of *Totals) int {
	l := &of.Monolith.Latency
	return l.rank(uint64(s.quantile * float64(l.Total())))
}

// Reports answers every guard that has a limit, the one against a dead service
// first.
func (t *Trial) Reports() []Report {
	needed := -math.Log(t.level())
	table := failures(&t.totals)
	dead := Report{Guard: Dead, Verdict: NotEnoughData, Evidence: t.dead, Needed: needed}
	dead.Service, dead.Monolith = sides(table)
	switch {
	case t.dead >= needed:
		dead.Verdict = Fail
	case table.Service >= minFail:
		dead.Verdict = Pass
	}
	reports := []Report{dead}
	if t.limits.ErrorRate > 0 {
		r := Report{Guard: ErrorRate, Evidence: t.errors.Log(), Needed: needed, Tolerated: t.limits.ErrorRate}
		r.Service, r.Monolith = sides(table)
		r.Effect = r.Service.Rate - r.Monolith.Rate
		r.Low, r.High = table.Difference()
		r.Verdict = t.verdict(r, table)
		reports = append(reports, r)
	}
	if t.limits.Mismatch > 0 {
		reports = append(reports, t.mismatches.report(needed))
	}
	for i := range t.slow {
		s := &t.slow[i]
		if s.tolerated == 0 {
			continue
		}
		r := Report{Guard: s.guard, Evidence: s.odds.Log(), Needed: needed, Tolerated: s.tolerated}
		r.Service, r.Monolith = sides(s.counted)
		threshold := s.threshold(&t.totals)
		service, monolith := t.totals.Service.atLeast(threshold), t.totals.Monolith.atLeast(threshold)
		r.Service.Latency, r.Monolith.Latency = service.Quantile(s.quantile), monolith.Quantile(s.quantile)
		r.Effect, r.Low, r.High = quantileRatio(service, monolith, s.quantile)
		seen := s.counted
		if monolith.Total() == 0 {
			seen.Service = service.Total() // no threshold, so nothing was counted
		}
		r.Verdict = t.verdict(r, seen)
		reports = append(reports, r)
	}
	return reports
}

// doubt is how much evidence it takes that the service is no worse, where it looks
// worse than tolerated: log 20. Latencies that jump at the very quantile look so
// by chance; a service that has just become slow does, too, when the test has
// seen little of it or much from before.
const doubt = 3

// verdict fails a service that is certainly worse, by more than is tolerated,
// and passes none that looks so, unless the evidence is against it.
func (t *Trial) verdict(r Report, seen Table) Verdict {
	atLeast := t.limits.MinRequests
	if atLeast == 0 {
		atLeast = DefaultMinRequests
	}
	switch {
	case r.Evidence >= r.Needed && r.Effect > r.Tolerated && seen.Service >= minFail:
		return Fail
	case seen.Service >= atLeast && seen.Monolith == 0:
		return CouldNotMeasure
	case seen.Service < atLeast || seen.Monolith < atLeast/10:
		return NotEnoughData
	case r.Effect > r.Tolerated && (r.Evidence > -doubt || r.Low > r.Tolerated):
		return NotEnoughData // what is seen now is worse than tolerated: more requests will tell
	}
	return Pass
}

func (t *Trial) level() float64 {
	if t.limits.Level > 0 {
		return t.limits.Level
	}
	return DefaultLevel
}
