package report

import "time"

// A RuleState is what became of a rule.
type RuleState string

// The states of rules. Expired and NeverHit keep the gate from being met;
// a preset's rules may be never hit.
const (
	RuleActive   RuleState = "active"
	RuleExpiring RuleState = "expiring" // within 14 days
	RuleExpired  RuleState = "expired"
	RuleNeverHit RuleState = "never_hit"
	RuleUnproven RuleState = "unproven" // not hit yet, and too little was compared to say
)

// A Rule is one rule that excuses differences.
type Rule struct {
	Path    string    `json:"path"`
	Compare string    `json:"compare"`
	Arg     string    `json:"arg,omitempty"`
	Because string    `json:"because"`
	Owner   string    `json:"owner"`
	Until   time.Time `json:"until,omitzero"`
	Preset  string    `json:"preset,omitempty"`
	Hits    uint64    `json:"hits"` // comparisons in which it excused something
	State   RuleState `json:"state"`
}

// A NoiseState is what it means that a place is noisy.
type NoiseState string

// The states of learned noise.
const (
	// NoiseLearned: a difference there is noise, as long as the service differs no
	// more often than the monolith.
	NoiseLearned NoiseState = "learned"
	// NoiseBlind: the monolith differs from itself there each time, so what the
	// service says there is not known.
	NoiseBlind NoiseState = "blind"
	// NoiseExceeded: the service differs there certainly more often than the
	// monolith does from itself, so that its differences count.
	NoiseExceeded NoiseState = "exceeded"
)

// Noisy is one place in which the monolith is known to differ from itself.
type Noisy struct {
	// Place is a signature, with the positions of what is not alike.
	Place string     `json:"place"`
	State NoiseState `json:"state"`
	Since time.Time  `json:"since"`
	// Differed is in how many of Pairs the monolith differed from itself there, Rate
	// their share.
	Differed uint64  `json:"differed"`
	Pairs    uint64  `json:"pairs"`
	Rate     float64 `json:"rate"`
	// Service is the share of Compared comparisons in which the service did.
	Service  float64 `json:"service"`
	Compared uint64  `json:"compared"`
	// Rule says the same by hand, as an entry of the shadow's ignore list in the
	// route table.
	Rule string `json:"rule,omitempty"`
}
