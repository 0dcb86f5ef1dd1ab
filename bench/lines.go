package main

import (
	"fmt"
	"math"
)

// verdict is what a line comes to.
type verdict string

// The verdicts. Unclear is neither: the machine was noisy, and the ratio is
// nearer to the limit than the noise.
const (
	pass    verdict = "pass"
	fail    verdict = "FAIL"
	unclear verdict = "unclear"
	// noLimit is a number that was measured only.
	noLimit verdict = "measured"
)

const (
	// decidedLimit is what a request may cost whose route a rollout or a flag
	// decides, in CPU of one with a fixed percentage.
	decidedLimit = 1.05
	// decidedMallocs is the same in allocations: none more. The hundredth is for
	// what a process allocates beside requests, such as the looks of a rollout's
	// controller.
	decidedMallocs = 1.01
	// identityLimit is what a request of a known session may cost, in CPU of one
	// whose route wants no token.
	identityLimit = 1.08
	// hungLimit is what a request may cost whose shadow hangs, in CPU of one without
	// a shadow: copies are made, and nothing is compared.
	hungLimit = 1.15
)

// line is one promise: a ratio and its limit, or a ratio that was measured.
type line struct {
	Workload string  `json:"workload"`
	What     string  `json:"what"`
	Ratio    float64 `json:"ratio"`
	// Limit is 0 when there is none.
	Limit float64 `json:"limit,omitempty"`
	// Self is the ratio of reverse_proxy to itself in the same workload.
	Self    float64 `json:"self"`
	Verdict verdict `json:"verdict"`
}

// judge holds a ratio against its limit. noise is how far self may be from 1
// before the machine counts as noisy.
func judge(ratio, limit, self, noise float64) verdict {
	off := math.Abs(self - 1)
	switch {
	case limit == 0:
		return noLimit
	case off > noise && math.Abs(ratio/limit-1) <= off:
		return unclear
	case ratio <= limit:
		return pass
	default:
		return fail
	}
}

// lines are the promises about one workload: each table size against
// reverse_proxy, the largest table against the smallest, and routes that a
// rollout or a flag decides against those with a fixed percentage.
func (w *workloadResult) lines(noise float64) []line {
	var all []line
	var first, last *subjectResult
	self := w.self().CPU
	add := func(what string, ratio, limit, self float64) {
		all = append(all, line{Workload: w.Name, What: what, Ratio: ratio, Limit: limit, Self: self, Verdict: judge(ratio, limit, self, noise)})
	}
	for _, s := range w.Subjects {
		switch s.Decided {
		case byPercent:
			add(countRoutes(s.Routes)+": CPU per request to reverse_proxy's", s.Ratio.CPU, w.Line, self)
			if first == nil {
				first = s
			}
			last = s
		case byShadow, byHung:
			var cpu float64 // comparing is work on the same core, beside the requests
			if s.Decided == byHung {
				cpu = hungLimit
			}
			what := fmt.Sprintf("%s %s: ", countRoutes(s.Routes), s.how())
			add(what+"CPU per request to no shadow's", s.ToPercent.CPU, cpu, self)
			add(what+"p99 at one rate to no shadow's", s.ToPercent.P99, 1+noise, w.self().P99)
			add(what+"share of the requests that was compared", s.Compared, 0, self)
		case byRollout, byFlag, byIdentity:
			cpu, mallocs := w.decidedLimits(s.Decided)
			what := fmt.Sprintf("%s %s: ", countRoutes(s.Routes), s.how())
			add(what+"CPU per request to a fixed percentage's", s.ToPercent.CPU, cpu, self)
			add(what+"allocations per request to a fixed percentage's", s.ToPercent.Mallocs, mallocs, w.self().Mallocs)
		}
	}
	if first != last {
		add(fmt.Sprintf("CPU per request of %s to that of %s", countRoutes(last.Routes), countRoutes(first.Routes)),
			last.cpuTo(first), 1+noise, self)
	}
	return all
}

// how says what decides, where it is no percentage alone.
func (s *subjectResult) how() string {
	switch s.Decided {
	case byIdentity, byShadow, byHung:
		return decidedBy(s.Decided)
	}
	return "decided by " + s.Decided
}

// decidedLimits are what routes that a rollout or a flag decides may cost,
// against those with a fixed percentage. For new visitors only there are none: a
// flag's rule must be evaluated for each.
func (w *workloadResult) decidedLimits(by string) (cpu, mallocs float64) {
	switch {
	case w.Fresh:
		return 0, 0
	case by == byIdentity:
		return identityLimit, 0
	}
	return decidedLimit, decidedMallocs
}

// memoryLines say what each table takes, against reverse_proxy.
func (w *workloadResult) memoryLines() []line {
	var all []line
	self := w.self()
	for _, s := range w.Subjects {
		if s.Kind != kindStrangler {
			continue
		}
		what := countRoutes(s.Routes)
		if s.Decided != byPercent {
			what += " " + s.how()
		}
		all = append(all,
			line{Workload: w.Name, What: what + ": settled memory (RSS) to reverse_proxy's", Ratio: s.Ratio.RSS, Self: self.RSS, Verdict: noLimit},
			line{Workload: w.Name, What: what + ": peak memory (RSS) to reverse_proxy's", Ratio: s.Ratio.Peak, Self: self.Peak, Verdict: noLimit})
	}
	return all
}

// exitCode is the run's: 0 unless the lines are to be checked and do not hold.
func (r *report) exitCode(check bool) int {
	code := 0
	for _, l := range r.Lines {
		switch {
		case !check || l.Verdict == pass || l.Verdict == noLimit:
		case l.Verdict == fail:
			return exitBroken
		default:
			code = exitUnclear
		}
	}
	return code
}
