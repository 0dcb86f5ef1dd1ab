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
)

// line is one promise: a ratio and its limit.
type line struct {
	Workload string  `json:"workload"`
	What     string  `json:"what"`
	Ratio    float64 `json:"ratio"`
	Limit    float64 `json:"limit"`
	// Self is the ratio of reverse_proxy to itself in the same workload.
	Self    float64 `json:"self"`
	Verdict verdict `json:"verdict"`
}

// judge holds a ratio against its limit. noise is how far self may be from 1
// before the machine counts as noisy.
func judge(ratio, limit, self, noise float64) verdict {
	off := math.Abs(self - 1)
	switch {
	case off > noise && math.Abs(ratio/limit-1) <= off:
		return unclear
	case ratio <= limit:
		return pass
	default:
		return fail
	}
}

// lines are the promises about one workload: each table size against
// reverse_proxy, and the largest table against the smallest.
func (w *workloadResult) lines(noise float64) []line {
	var all []line
	var first, last *subjectResult
	self := w.self()
	for _, s := range w.Subjects {
		if s.Kind != kindStrangler {
			continue
		}
		all = append(all, line{
			Workload: w.Name, What: countRoutes(s.Routes) + ": CPU per request to reverse_proxy's",
			Ratio: s.Ratio.CPU, Limit: w.Line, Self: self, Verdict: judge(s.Ratio.CPU, w.Line, self, noise),
		})
		if first == nil {
			first = s
		}
		last = s
	}
	if first == last {
		return all
	}
	growth := ratio(last.CPU, first.CPU)
	return append(all, line{
		Workload: w.Name, What: fmt.Sprintf("CPU per request of %s to that of %s", countRoutes(last.Routes), countRoutes(first.Routes)),
		Ratio: growth, Limit: 1 + noise, Self: self, Verdict: judge(growth, 1+noise, self, noise),
	})
}

// exitCode is the run's: 0 unless the lines are to be checked and do not hold.
func (r *report) exitCode(check bool) int {
	code := 0
	for _, l := range r.Lines {
		switch {
		case !check || l.Verdict == pass:
		case l.Verdict == fail:
			return exitBroken
		default:
			code = exitUnclear
		}
	}
	return code
}
