// Package stats says what comparisons prove: whether a path of an answer
// differs more often with the service than the monolith differs from itself,
// how large the rate of mismatches may still be, and how many comparisons are
// missing to tell. It is pure: counts in, findings out.
//
// # Noise
//
// An answer may differ from another of the same monolith: a clock, a random
// order, a cache. So for each request and path two things are counted in pairs:
// did the service's answer differ from the monolith's, and did a second answer
// of the monolith's. Only the requests where one of both happened and not the
// other say anything; when the service is no worse than the monolith either is
// as likely. That is McNemar's test, here as an e-process ([evidence.Paired]),
// so that it may be looked at after every comparison: the chance that a path
// whose differences are all noise is ever called [Worse] is at most the level,
// over all paths of a route together (Holm, Scand. J. Stat. 6, 1979).
//
// A request counts in a pair only if it was chosen for a second answer before
// anyone knew how the first comparison would end, by chance. When
// the second answer is asked for because the first differed, the requests where
// only the monolith differs from itself are not seen, and all noise looks like
// the service's fault.
//
// # The rate of mismatches
//
// [Rate] bounds it from above, exactly (Clopper and Pearson, Biometrika 26,
// 1934), at 95 %: none among 1,000 is at most 0.30 %. That bound holds for a
// look that was planned; [Rate.Needed] says when that is.
package stats

import (
	"cmp"
	"math"
	"slices"

	"github.com/strangler-proxy/strangler/rollout/evidence"
)

// Level is the chance that any path of a route is called [Worse] while the
// service differs no more often than the monolith does from itself.
const Level = 0.001

// Pairs counts, for one path, the requests of which both a service's answer and
// a second answer of the monolith were compared with the monolith's.
type Pairs struct {
	Compared uint64 // requests
	Both     uint64 // the service's answer differed, and so did the second one
	Service  uint64 // only the service's differed
	Monolith uint64 // only the second one of the monolith did
}

// Add counts one request.
func (p *Pairs) Add(service, monolith bool) {
	p.Compared++
	switch {
	case service && monolith:
		p.Both++
	case service:
		p.Service++
	case monolith:
		p.Monolith++
	}
}

// Noise is how often the monolith differed from itself, from 0 to 1.
func (p *Pairs) Noise() float64 {
	if p.Compared == 0 {
		return 0
	}
	return float64(p.Both+p.Monolith) / float64(p.Compared)
}

// P is an anytime-valid p-value: the chance that it is ever at most α is at
// most α when the service differs no more often than noise does.
func (p *Pairs) P() float64 {
	return min(1, math.Exp(-evidence.Paired(p.Service, p.Monolith)))
}

// A Finding is what the pairs of one path prove.
type Finding struct {
	Path string // or signature: whatever the pairs were counted by
	Pairs
	// P is the path's p-value, adjusted for all paths that were looked at.
	P float64
	// Worse says that the service differs more often than noise does, at Level.
	Worse bool
}

// Findings judges all paths of a route together, the surest first.
func Findings(paths map[string]Pairs) []Finding {
	out := make([]Finding, 0, len(paths))
	for path, pairs := range paths {
		out = append(out, Finding{Path: path, Pairs: pairs, P: pairs.P()})
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.P, b.P), cmp.Compare(a.Path, b.Path))
	})
	// Holm: the i-th smallest counts for those that are left, and none is
	// smaller than the one before it.
	least := 0.0
	for i := range out {
		least = max(least, min(1, out[i].P*float64(len(out)-i)))
		out[i].P, out[i].Worse = least, least <= Level
	}
	return out
}

// A Rate is how many comparisons of a route there were, and how many of them
// were mismatches.
type Rate struct{ Mismatches, Compared uint64 }

// Upper is what the rate of mismatches is at most, at 95 %, from 0 to 1.
func (r Rate) Upper() float64 {
	if r.Compared == 0 {
		return 1
	}
	return evidence.UpperRate(r.Mismatches, r.Compared)
}

// maxNeeded is where counting how many comparisons are missing ends.
const maxNeeded = 1 << 40

// Needed is how many comparisons without a mismatch are missing until the upper
// bound is below a rate: 0 when it is already. ok is false when no number of
// comparisons will do.
func (r Rate) Needed(below float64) (n uint64, ok bool) {
	enough := func(n uint64) bool { return Rate{r.Mismatches, r.Compared + n}.Upper() < below }
	if enough(0) {
		return 0, true
	}
	if below <= 0 {
		return 0, false
	}
	high := uint64(1)
	for ; !enough(high); high *= 2 {
		if high > maxNeeded {
			return 0, false
		}
	}
	low := high / 2 // is not enough
	for high-low > 1 {
		if mid := low + (high-low)/2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high, true
}
