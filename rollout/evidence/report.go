package evidence

import (
	"fmt"
	"time"
)

// Report is one guard's answer.
type Report struct {
	Guard   Guard   `json:"guard"`
	Verdict Verdict `json:"verdict"`
	// Service and Monolith are what was counted of each arm.
	Service  Side `json:"service"`
	Monolith Side `json:"monolith"`
	// Effect is the rate of mismatches, the service's error rate less the monolith's, as a fraction, or
	// the ratio of their latencies. Low and High are its interval now (95 %, for
	// a ratio at least 90 %), Tolerated what it may be. Of mismatches Limit is what the
	// plan says, and Tolerated that and what may be the monolith's own noise.
	Effect    float64 `json:"effect"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Tolerated float64 `json:"tolerated"`
	Limit     float64 `json:"limit,omitempty"`
	// Evidence is the natural logarithm of the e-value against the service, and
	// Needed what it takes to be certain.
	Evidence float64 `json:"evidence"`
	Needed   float64 `json:"needed"`
}

// Side is what was counted of one arm. Of mismatches, Service has the comparisons,
// and Monolith the requests whose second answer was held against the first. Else Events are failures or, of a latency
// guard, answers slower than the monolith's quantile as it was known then.
type Side struct {
	Requests uint64  `json:"requests"`
	Events   uint64  `json:"events"`
	Rate     float64 `json:"rate"`
	// Latency is the arm's quantile, in which slow failures count with the time
	// they took; only of a latency guard.
	Latency time.Duration `json:"latency_ns,omitempty"`
}

func sides(t Table) (service, monolith Side) {
	return Side{Requests: t.Service, Events: t.ServiceEvents, Rate: rate(t.ServiceEvents, t.Service)},
		Side{Requests: t.Monolith, Events: t.MonolithEvents, Rate: rate(t.MonolithEvents, t.Monolith)}
}

// String says the verdict with its numbers, or which are missing, in one line, as
// in "error rate fail: 2.1 % of 1100 requests, monolith 1 % of 18000".
func (r Report) String() string {
	what := map[Guard]string{ErrorRate: "error rate", Dead: "service dead"}[r.Guard]
	if what == "" {
		what = string(r.Guard)
	}
	verdict := map[Verdict]string{NotEnoughData: "not enough data", CouldNotMeasure: "could not measure"}[r.Verdict]
	if verdict == "" {
		verdict = string(r.Verdict)
	}
	return what + " " + verdict + ": " + r.numbers()
}

func (r Report) numbers() string {
	switch {
	case r.Verdict == CouldNotMeasure:
		return "the monolith has no requests to compare with"
	case r.Service.Requests == 0 && r.Guard == Mismatch:
		return "no comparisons yet"
	case r.Service.Requests == 0 && r.Guard == Dead:
		return "no requests of the service yet"
	case r.Service.Requests == 0:
		return "no requests to compare yet"
	case r.Guard == Mismatch:
		return r.mismatches()
	case r.Service.Latency > 0 || r.Monolith.Latency > 0:
		return fmt.Sprintf("%s in %d requests, monolith %s in %d (×%.3g)",
			rounded(r.Service.Latency), r.Service.Requests, rounded(r.Monolith.Latency), r.Monolith.Requests, r.Effect)
	}
	text := fmt.Sprintf("%.3g %% of %d requests", 100*r.Service.Rate, r.Service.Requests)
	if r.Monolith.Requests > 0 {
		text += fmt.Sprintf(", monolith %.3g %% of %d", 100*r.Monolith.Rate, r.Monolith.Requests)
	}
	return text
}

// mismatches are the rate and the plan's limit; what lies between both and a verdict
// is said in words, so that nobody takes it for the limit.
func (r Report) mismatches() string {
	text := fmt.Sprintf("%.3g %% of %d comparisons, limit %.3g %%", 100*r.Service.Rate, r.Service.Requests, 100*r.Limit)
	noise := r.Tolerated - r.Limit
	if r.Verdict == Pass || noise < r.Limit/10 {
		return text
	}
	text += fmt.Sprintf("; %.3g %% more may be the monolith's own noise, as far as is known", 100*noise)
	const few = 300
	if r.Verdict == NotEnoughData && r.Effect > r.Limit && r.Monolith.Requests < few {
		text += fmt.Sprintf(": it was asked twice by chance %s; again: in the route's shadow says how often", times(r.Monolith.Requests))
	}
	return text
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// rounded keeps the digits that a bucket can tell.
func rounded(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond / 10)
	}
	return d.Round(time.Microsecond)
}
