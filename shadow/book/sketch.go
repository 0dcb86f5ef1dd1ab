package book

import "math"

// A Sketch counts ratios on a logarithmic scale: four buckets for every
// doubling, from 1/32 to 32; what lies beyond is counted in the outermost. A
// quantile is off by 9 % at most.
type Sketch [ratioBuckets]uint64

const (
	ratioSteps   = 4 // per doubling
	ratioCentre  = 5 * ratioSteps
	ratioBuckets = 2*ratioCentre + 1
)

// count adds the ratio of two positive numbers.
func (s *Sketch) count(of, to float64) {
	i := ratioCentre + int(math.Round(math.Log2(of/to)*ratioSteps))
	s[max(0, min(ratioBuckets-1, i))]++
}

// median is the middle ratio, 0 when nothing was counted.
func (s *Sketch) median() float64 {
	total := s.total()
	var seen uint64
	for i, n := range s {
		if seen += n; n > 0 && 2*seen >= total {
			return math.Exp2(float64(i-ratioCentre) / ratioSteps)
		}
	}
	return 0
}

func (s *Sketch) total() (n uint64) {
	for _, k := range s {
		n += k
	}
	return n
}

// above is the share of ratios that are more than one, by more than a bucket's
// half.
func (s *Sketch) above() float64 {
	var n uint64
	for _, k := range s[ratioCentre+1:] {
		n += k
	}
	return share(n, s.total())
}

func share(k, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}
