package main

import (
	"math"
	"slices"
	"time"
)

// lowQuintile is the value that a fifth of values do not exceed (nearest rank):
// of 20 slices the 4th smallest. Noise on a shared machine only ever adds time and
// latency, so the low end is what the proxy itself needs; the very lowest would
// reward one lucky slice. 0 without values.
func lowQuintile(values []float64) float64 {
	return nearestRank(values, 0.2)
}

// highQuintile is the counterpart for what noise only ever takes away from:
// answers per second.
func highQuintile(values []float64) float64 {
	negated := make([]float64, len(values))
	for i, v := range values {
		negated[i] = -v
	}
	return 0 - lowQuintile(negated) // 0 -, not -: no negative zero
}

// median is the middle value, of an even number the mean of the two. 0 without values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// nearestRank is the smallest value that at least the share q of values does
// not exceed.
func nearestRank(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[rank(len(sorted), q)]
}

func rank(n int, q float64) int {
	return min(max(int(math.Ceil(q*float64(n)))-1, 0), n-1)
}

// percentile is the nearest-rank percentile of durations, which it sorts.
func percentile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[rank(len(sorted), q)]
}

// ratio is a/b, and 0 ("not measured") when either is missing.
func ratio(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return a / b
}
