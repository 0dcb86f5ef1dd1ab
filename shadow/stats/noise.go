package stats

import "math"

// # Learned noise
//
// Where a busy route differs more often than it may be asked again, what is noise
// must be told without asking. Of each place the pairs say how often the monolith
// differs from itself; [Known] says when that is enough to call a difference there
// noise. It is claimed no more than this: the service differs there about as often
// as the monolith does. [Exceeds] takes it back as soon as that is refuted.

const (
	// leastDiffered is in how many pairs, and leastShare in which share of them,
	// the monolith must have differed from itself in a place that is known to be
	// noisy. What is rarer can be asked again. With 20 the bound that Exceeds holds
	// the service against is at most about twice the rate itself.
	leastDiffered = 20
	leastShare    = 0.05
	// always is the share from which on nothing that the service does can be told
	// from noise.
	always = 0.99
	// surely is the natural logarithm of 1/10,000: how unlikely a rate beyond each
	// of the two bounds is that Exceeds holds against each other. A false alarm
	// needs both at once, so that looking after every comparison is covered
	// (TestLearnedNoise).
	surely = 9.210340371976184
	// Enough is how many pairs it takes to tell a service that is nine points worse
	// from a field with 20 % noise (95 %, see the simulation).
	Enough = 1000
)

// Noise counts, for one place of an answer, how often the monolith differed from
// itself there among pairs, and how often the service did among all comparisons.
type Noise struct {
	Differed uint64 // of Pairs
	Pairs    uint64
	Service  uint64 // of Compared
	Compared uint64
}

// Known tells whether a difference there is noise unless something speaks
// against it. known is whether it was until now: what is known is forgotten at half
// the share only, so that it does not come and go.
func (n Noise) Known(known bool) bool {
	share := leastShare
	if known {
		share /= 2
	}
	return n.Differed >= leastDiffered && float64(n.Differed) >= share*float64(n.Pairs)
}

// Missing is how many more pairs in which the monolith differs there it takes until
// that is known, as far as its share of pairs says now; 0 when none may be enough.
func (n Noise) Missing() uint64 {
	if n.Differed == 0 || n.Differed >= leastDiffered || float64(n.Differed) < leastShare*float64(n.Pairs) {
		return 0
	}
	return leastDiffered - n.Differed
}

// Always tells whether the monolith differs there (nearly) every time: whatever
// the service says there, no count of differences can tell that it is wrong.
func (n Noise) Always() bool { return float64(n.Differed) >= always*float64(n.Pairs) }

// Exceeds tells whether the service differs there certainly more often than the
// monolith does from itself.
func (n Noise) Exceeds() bool {
	if n.Pairs == 0 || n.Compared == 0 {
		return false
	}
	noise, service := float64(n.Differed)/float64(n.Pairs), float64(n.Service)/float64(n.Compared)
	return service > noise && bound(service, n.Compared, 0) > bound(noise, n.Pairs, 1)
}

// bound is how far from a share seen among n, towards an end (0 or 1), the true
// rate may lie: Chernoff's bound, n·D(seen‖rate) ≤ ln 1/α, which holds for every n.
func bound(seen float64, n uint64, end float64) float64 {
	near, far := seen, end
	for range 50 {
		if middle := (near + far) / 2; float64(n)*divergence(seen, middle) > surely {
			far = middle
		} else {
			near = middle
		}
	}
	return near
}

// divergence is that of Kullback and Leibler between two coins, in nats.
func divergence(p, q float64) float64 {
	term := func(p, q float64) float64 {
		if p == 0 {
			return 0
		}
		return p * math.Log(p/q)
	}
	return term(p, q) + term(1-p, 1-q)
}
