package evidence

import "math"

// normal975 is the 97.5 % quantile of the normal distribution.
const normal975 = 1.959963984540054

// Wilson is the 95 % score interval of a rate of which k of n were seen
// (E. B. Wilson, JASA 22, 1927). Nothing seen answers 0 to 1.
func Wilson(k, n uint64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z2 = normal975 * normal975
	p, m := float64(k)/float64(n), float64(n)
	center := (p + z2/(2*m)) / (1 + z2/m)
	half := normal975 / (1 + z2/m) * math.Sqrt(p*(1-p)/m+z2/(4*m*m))
	return max(0, center-half), min(1, center+half)
}

// Difference is the 95 % interval of the difference of two rates, the service's
// less the monolith's (R. G. Newcombe, Statistics in Medicine 17, 1998, method
// 10). It holds at one moment and is there to be shown; the verdict does not
// come from it.
func (t Table) Difference() (low, high float64) {
	l1, u1 := Wilson(t.ServiceEvents, t.Service)
	l2, u2 := Wilson(t.MonolithEvents, t.Monolith)
	p1, p2 := rate(t.ServiceEvents, t.Service), rate(t.MonolithEvents, t.Monolith)
	return p1 - p2 - math.Hypot(p1-l1, u2-p2), p1 - p2 + math.Hypot(u1-p1, p2-l2)
}

func rate(k, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// quantileRatio is the ratio of a quantile of two samples, with an interval of
// at least 90 %. Each quantile lies between the order statistics whose ranks
// the 95 % score interval of q names (David and Nagaraja, Order Statistics, 3rd
// edition, 7.1), widened to whole buckets; the ratio's interval takes the far
// ends of both (Bonferroni). 0 is "not known".
func quantileRatio(service, monolith *Latencies, q float64) (ratio, low, high float64) {
	s, m := service.Quantile(q), monolith.Quantile(q)
	if s == 0 || m == 0 {
		return 0, 0, 0
	}
	sLow, sHigh := service.quantileBounds(q)
	mLow, mHigh := monolith.quantileBounds(q)
	return float64(s) / float64(m), sLow / mHigh, sHigh / max(mLow, 1)
}

func (l *Latencies) quantileBounds(q float64) (low, high float64) {
	n := l.Total()
	below, above := Wilson(uint64(q*float64(n)), n)
	return float64(boundOf(l.rank(uint64(below * float64(n))))),
		float64(boundOf(l.rank(uint64(above*float64(n))) + 1))
}

// UpperRate is the upper end of the one-sided 95 % interval of a rate of which k
// of n were seen, exactly (Clopper and Pearson, Biometrika 26, 1934): the rate
// at which so few would be seen with a chance of 5 %. None of 3,000 is 0.1 %.
func UpperRate(k, n uint64) float64 { return upperRate(k, n, 0.05) }

// upperRate is UpperRate for another chance.
func upperRate(k, n uint64, chance float64) float64 {
	if n == 0 || k >= n {
		return 1
	}
	low, high := rate(k, n), 1.0
	for range 60 {
		middle := (low + high) / 2
		if binomialAtMost(k, n, middle) > chance {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// binomialAtMost is the chance of at most k of n at rate p, for k below n·p.
func binomialAtMost(k, n uint64, p float64) float64 {
	count, total := float64(k), float64(n)
	odds := p / (1 - p)
	sum, term := 1.0, 1.0
	for x := count; x > 0; x-- {
		term *= x / ((total - x + 1) * odds)
		if sum += term; term < 1e-17*sum {
			break
		}
	}
	return math.Exp(logChoose(total, count)+count*math.Log(p)+(total-count)*math.Log1p(-p)) * sum
}
