package evidence

import "math"

// Table is what two arms did in one interval: how many requests each had, and
// how many of them were events (failed, or took too long).
type Table struct{ Service, ServiceEvents, Monolith, MonolithEvents uint64 }

// alternatives are the odds ratios that the mixture believes in, and how much:
// most in what a bad deploy looks like, a little in what a dead service does.
// Any weights that sum to 1 keep the test valid; these decide what it is quick
// to see.
var alternatives = [...]struct{ odds, weight float64 }{
	{1.5, 0.2}, {2, 0.3}, {3, 0.2}, {5, 0.1}, {10, 0.08}, {30, 0.05}, {100, 0.04}, {10_000, 0.03},
}

// Odds is the e-process of one comparison: how much more likely what was seen
// is when the service's odds of an event are above the monolith's than when
// they are not. The zero value has seen nothing.
type Odds struct{ logs [len(alternatives)]float64 }

// Add takes one interval.
func (o *Odds) Add(t Table) {
	if t.Service == 0 || t.Monolith == 0 || t.ServiceEvents+t.MonolithEvents == 0 {
		return // one arm only, or no event: the margins say everything
	}
	even := logSum(t, 1)
	for i, alternative := range alternatives {
		o.logs[i] += float64(t.ServiceEvents)*math.Log(alternative.odds) + even - logSum(t, alternative.odds)
	}
}

// Log is the natural logarithm of the e-value. The chance that it ever reaches
// log(1/α) is at most α when the service is no worse.
func (o *Odds) Log() float64 { return mixture(&o.logs) }

// Paired is the natural logarithm of the e-value of matched pairs, of which
// those count where one side alone had the event: service is how many times it
// was the service's. Of one such pair the likelihood at odds ψ is ψ/(1+ψ) or
// 1/(1+ψ), and ½ when the sides are alike: it is a Table of one request each,
// McNemar's test (Psychometrika 12, 1947) as an e-process.
func Paired(service, monolith uint64) float64 {
	var logs [len(alternatives)]float64
	for i, alternative := range alternatives {
		either := math.Log(2 / (1 + alternative.odds))
		logs[i] = float64(service)*(either+math.Log(alternative.odds)) + float64(monolith)*either
	}
	return mixture(&logs)
}

// mixture weighs what was seen under each alternative.
func mixture(logs *[len(alternatives)]float64) float64 {
	most := math.Inf(-1)
	for _, l := range logs {
		most = max(most, l)
	}
	sum := 0.0
	for i, l := range logs {
		sum += alternatives[i].weight * math.Exp(l-most)
	}
	return most + math.Log(sum)
}

// logSum is log Σₓ C(n,x)·C(m,t−x)·ψˣ over every number x of the service's
// events that the margins allow: what makes ψˣ·C(n,x)·C(m,t−x) a distribution
// (Fog 2008, equation 3). It sums outward from the distribution's approximate
// mean (ibid., equation 12) until the terms no longer count.
func logSum(table Table, odds float64) float64 {
	n, m := float64(table.Service), float64(table.Monolith)
	t := float64(table.ServiceEvents + table.MonolithEvents)
	low, high := max(0, t-m), min(t, n)
	b := odds*(n+t) + m - t
	mean := 2 * odds * n * t / (b + math.Sqrt(max(0, b*b-4*(odds-1)*odds*n*t)))
	start := min(max(math.Floor(mean), low), high)
	ratio := func(x float64) float64 { // the term of x+1 over that of x
		return odds * (n - x) * (t - x) / ((x + 1) * (m - t + x + 1))
	}
	const negligible = 1e-17
	sum, term := 1.0, 1.0
	for x := start; x < high; x++ {
		r := ratio(x)
		term *= r
		sum += term
		if r < 1 && term < negligible*sum {
			break
		}
	}
	term = 1
	for x := start - 1; x >= low; x-- {
		r := ratio(x)
		term /= r
		sum += term
		if r > 1 && term < negligible*sum {
			break
		}
	}
	return logChoose(n, start) + logChoose(m, t-start) + start*math.Log(odds) + math.Log(sum)
}

func logChoose(n, k float64) float64 { return logFactorial(n) - logFactorial(k) - logFactorial(n-k) }

func logFactorial(n float64) float64 {
	l, _ := math.Lgamma(n + 1)
	return l
}
