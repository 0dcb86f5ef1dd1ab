package stats

import (
	"math"

	"github.com/strangler-proxy/strangler/rollout/evidence"
)

// # The odd one of three
//
// Asked again, a request has three answers: the monolith's first, the service's, and
// the monolith's second. Where the two of the monolith agree the service was the odd one;
// where the service agrees with the second, the first was. When the service is as the
// monolith the three are exchangeable, so that each is the odd one as often, whatever the
// noise is, and also among the requests that were asked again since the first two
// differed: of both kinds these are all that were seen. A service that is wrong at random
// is the odd one, and the monolith never is.
//
// Something that changes for good between the first and the second answer makes the
// monolith's first the odd one, so it is never the service's fault.

// Odd counts, for one set of places in which answers differed, how often the
// service's answer alone was another, and did not differ again, and how often the
// monolith's first alone was.
type Odd struct {
	Service  uint64 `json:"service,omitempty"`
	Monolith uint64 `json:"monolith,omitempty"`
}

// Excused is how many of Service are no more than what the monolith certainly (95 %,
// exactly) does itself in as many comparisons.
func (o Odd) Excused(compared uint64) uint64 {
	if o.Service == 0 || o.Monolith == 0 || o.Monolith >= compared {
		return 0
	}
	least := 1 - evidence.UpperRate(compared-o.Monolith, compared)
	return min(o.Service, uint64(least*float64(compared)))
}

// Certain is how many of Service are more than what the monolith can be to blame
// for, whenever one looks: a bound that is wrong once in 10,000, as of [Noise.Exceeds].
func (o Odd) Certain(compared uint64) uint64 {
	if compared == 0 {
		return 0
	}
	n := float64(compared)
	most := uint64(math.Ceil(n * bound(min(1, float64(o.Monolith)/n), compared, 1)))
	return o.Service - min(o.Service, most)
}
