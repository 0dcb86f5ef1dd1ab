package evidence

import "math"

// Comparisons count how a shadow's answers compared with the monolith's.
type Comparisons struct {
	// Compared is how many there were, Mismatched how many of them differed, whether
	// they did again when both were asked again or not.
	Compared, Mismatched uint64
	// Excused is how many of Mismatched are the monolith's own noise as far as is known.
	// It is for gates, and may fall; the guard has a bound of its own.
	Excused uint64
	// Unconfirmed is how many of Mismatched could not be asked again.
	Unconfirmed uint64
	// Pairs is how many requests were chosen, before anything was compared, for a
	// second answer of the monolith; Noisy how many of those differed from its
	// first.
	Pairs, Noisy uint64
	// Unstable is how many requests there were on which the service differed, and
	// the monolith, asked again, differed from its first answer too.
	Unstable uint64
}

// excesses are how many times the limit a rate may be, in the mixture.
var excesses = [...]float64{1.25, 1.5, 2, 3, 5, 10, 30}

// mismatch tests that the rate of mismatches is at most a limit. The likelihood
// of what was seen at a higher rate, over that at the limit, is a supermartingale
// when the rate is at most the limit, and so is a mixture over higher rates: by
// Ville's inequality it ever reaches 1/α with probability at most α.
type mismatch struct {
	limit   float64 // 0: not tested
	seen    Comparisons
	unasked unasked
}

// unasked are the differences of which nobody was asked again. Those of the same
// interval that were stand for them: which of an interval's differences are asked about
// is a matter of how many have been, not of what they are.
type unasked struct {
	unknown          float64 // in intervals in which none was asked about
	unstable, square float64 // how many stand for unstable ones, and the variance of that
	most             float64 // how many one difference that was asked about stands for
}

func (u *unasked) add(c *Comparisons) {
	not := float64(min(c.Unconfirmed, c.Mismatched))
	asked := max(c.Unstable, c.Mismatched-min(c.Unconfirmed, c.Mismatched)) // at least
	switch {
	case not == 0:
	case asked == 0:
		u.unknown += not
	default:
		weight := not / float64(asked)
		u.unstable += weight * float64(c.Unstable)
		u.square += weight * weight * float64(c.Unstable)
		u.most = max(u.most, weight)
	}
}

// noise is how many of them may be the monolith's, at 95 %. For a service that is as
// the monolith at least half of the requests on which it differs are unstable: that of
// M1, S, M2 it is M1 that differs from both others is as likely as that it is S
// (Σ m(1-m)² ≥ ½ Σ m(1-m) over how likely each answer is).
func (u *unasked) noise() float64 {
	const none = 3 // seen no unstable one, there are at most so many
	return u.unknown + 2*(u.unstable+1.645*math.Sqrt(u.square)+none*u.most)
}

// add takes what was compared in the next interval.
func (m *mismatch) add(c Comparisons) {
	m.seen.Compared += c.Compared
	m.seen.Mismatched += min(c.Mismatched, c.Compared)
	m.seen.Unconfirmed += c.Unconfirmed
	m.seen.Pairs += c.Pairs
	m.seen.Noisy += c.Noisy
	m.seen.Unstable += c.Unstable
	m.unasked.add(&c)
}

// tolerated is the limit, and what noise may add to it. For a service that is as
// the monolith, of one request all answers are alike: that of three its own is the odd
// one somewhere, which a mismatch must be, is as likely as that the monolith's first
// is, and then the monolith differs from itself; whatever the noise is, in how many parts of the answer,
// and of whichever requests. So the latter are counted. What could not be asked
// again may be noise as often as the monolith differs from itself at all, and as often
// as what was asked at the same time is. Of all the upper end of an interval is taken, so that the limit
// falls as more is known.
func (m *mismatch) tolerated() float64 {
	const (
		known  = 30    // with fewer pairs anything may be noise
		seldom = 0.001 // that so few pairs mislead: they stand for many unasked ones
	)
	noise := 1.0
	if m.seen.Pairs >= known {
		noise = upperRate(m.seen.Noisy, m.seen.Pairs, seldom)
	}
	doubtful := min(noise, rate(m.seen.Unconfirmed, m.seen.Compared))
	if m.seen.Compared > 0 {
		doubtful = min(doubtful, m.unasked.noise()/float64(m.seen.Compared))
	}
	return m.limit + UpperRate(min(m.seen.Unstable, m.seen.Compared), m.seen.Compared) + doubtful
}

// log is the natural logarithm of the e-value against a limit.
func (m *mismatch) log(limit float64) float64 {
	different, same := float64(m.seen.Mismatched), float64(m.seen.Compared-m.seen.Mismatched)
	var logs [len(excesses)]float64
	most := math.Inf(-1)
	for i, excess := range excesses {
		rate := min(excess*limit, (1+limit)/2)
		logs[i] = different*math.Log(rate/limit) + same*math.Log((1-rate)/(1-limit))
		most = max(most, logs[i])
	}
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum/float64(len(logs)))
}

// enough is how many comparisons a pass needs: so many that, had none of them
// differed, the rate would certainly be below the limit.
func (m *mismatch) enough() uint64 { return uint64(math.Ceil(3 / m.limit)) }

// report is the guard's answer. It passes no service that is likely to be above
// the limit, and fails none that is not certainly.
func (m *mismatch) report(needed float64) Report {
	tolerated := min(m.tolerated(), 1-1e-9)
	r := Report{Guard: Mismatch, Verdict: NotEnoughData, Evidence: m.log(tolerated), Needed: needed, Limit: m.limit, Tolerated: tolerated}
	r.Service = Side{Requests: m.seen.Compared, Events: m.seen.Mismatched, Rate: rate(m.seen.Mismatched, m.seen.Compared)}
	r.Monolith = Side{Requests: m.seen.Pairs, Events: m.seen.Noisy, Rate: rate(m.seen.Noisy, m.seen.Pairs)}
	r.Effect = r.Service.Rate
	r.Low, r.High = Wilson(m.seen.Mismatched, m.seen.Compared)
	switch {
	case r.Evidence >= needed && r.Effect > r.Tolerated && m.seen.Mismatched >= minFail:
		r.Verdict = Fail
	case m.seen.Compared >= m.enough() && r.Effect <= m.limit:
		r.Verdict = Pass
	}
	return r
}
