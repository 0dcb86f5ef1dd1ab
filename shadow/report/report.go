// Package report is what the shadow's evidence comes to: the verdict of each
// route, what differs worst first, what was not compared and why. It is data
// and its renderings; package book makes it.
//
// The promise is that a report holds no value of an answer or a request that the
// route table does not allow in clear, whichever rendering is chosen, and that
// no rendering lets a value out of its place: not into markup, not into a
// terminal's control sequences, not into a shell.
//
// Renderings: [JSON], [Text], [Markdown] and [HTML]. The JSON is versioned by
// [Version]; members may come, none changes its meaning under one version.
package report

import (
	"time"
)

// Version of the JSON.
const Version = 1

// A State is what the gate of a route says.
type State string

// The states. Only Met lets a rollout pass.
const (
	// Met: enough was compared, and the mismatches are certainly few enough.
	Met State = "met"
	// NotYet: nothing speaks against the service, but too little was compared.
	NotYet State = "not_yet"
	// Failing: waiting will not help, someone has to look.
	Failing State = "failing"
	// Blind: nothing is compared, or nothing that proves anything.
	Blind State = "blind"
)

// Report is the evidence of some routes at one moment.
type Report struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	// Routes with the worst verdict first.
	Routes []Route `json:"routes"`
	// Notices are what an operator must know of the evidence as a whole: that it
	// is not stored, say.
	Notices []string `json:"notices,omitempty"`
}

// Route is the evidence of one route. All of it is of its present era, unless
// it says otherwise.
type Route struct {
	Route   string  `json:"route"`
	Owner   string  `json:"owner,omitempty"`
	Reverse bool    `json:"reverse,omitempty"` // the service serves, the monolith is the shadow
	Verdict Verdict `json:"verdict"`
	Era     Era     `json:"era"`
	// Signatures, the worst first; at most [MaxSignatures]. MoreSignatures is how
	// many there are beside them.
	Signatures     []Signature `json:"signatures"`
	MoreSignatures int         `json:"more_signatures,omitempty"`
	Coverage       Coverage    `json:"coverage"`
	Rules          []Rule      `json:"rules"`
	// Noise are the places where the monolith is known to differ from itself, the
	// noisiest first: what differs there alone counts as noise without being asked again.
	Noise   []Noisy `json:"noise,omitempty"`
	Latency Latency `json:"latency"`
	// Earlier eras, the newest first.
	Earlier []Era `json:"earlier,omitempty"`
}

// MaxSignatures is how many signatures of a route a report shows.
const MaxSignatures = 50

// Verdict is whether the gate is met, why not, and how long to go.
type Verdict struct {
	State State `json:"state"`
	// Reasons are why it is not met, one sentence each, the weightiest first.
	// Empty when it is.
	Reasons []string `json:"reasons,omitempty"`
	// Compared and Mismatched of the era, without those taken for being rare.
	Compared   uint64 `json:"compared"`
	Mismatched uint64 `json:"mismatched"`
	// Rate of mismatches, and what it is at most at 95 %, from 0 to 1.
	Rate  float64 `json:"rate"`
	Upper float64 `json:"upper"`
	// Gate is what is asked for.
	Gate Gate `json:"gate"`
	// Needed is how many more comparisons without a mismatch would meet the gate;
	// absent when it is met, or when no number would do.
	Needed uint64 `json:"needed,omitempty"`
	// LastCompared is when a comparison last ended, zero when none has.
	LastCompared time.Time `json:"last_compared,omitzero"`
}

// Gate is how many comparisons must be there, and what the rate of mismatches
// must certainly be below, from 0 to 1. Default is true when the route table
// names none, so that these are ours.
type Gate struct {
	Compared      uint64  `json:"compared"`
	MismatchBelow float64 `json:"mismatch_below"`
	Default       bool    `json:"default,omitempty"`
}

// An Era is evidence under one build of each side and one set of rules.
type Era struct {
	Number   uint64    `json:"number"` // from 1
	Began    time.Time `json:"began"`
	Cause    string    `json:"cause"` // why it began
	Monolith string    `json:"monolith_build,omitempty"`
	Service  string    `json:"service_build,omitempty"`
	Rules    string    `json:"rules,omitempty"` // their fingerprint
	// Sampled, Compared and Mismatched of the era.
	Sampled    uint64 `json:"sampled"`
	Compared   uint64 `json:"compared"`
	Mismatched uint64 `json:"mismatched"`
	// Mixed says that builds changed too often to be kept apart.
	Mixed bool `json:"mixed,omitempty"`
}

// A Judgement is what is known of a signature.
type Judgement string

// The judgements, the worst first.
const (
	// Worse: the service differs certainly more often than the monolith does from
	// itself (package stats).
	Worse Judgement = "worse"
	// Confirmed: the difference came again when both were asked again.
	Confirmed Judgement = "confirmed"
	// Open: seen, and neither confirmed nor explained.
	Open Judgement = "open"
	// Noise: the monolith differs from itself in this way too.
	Noise Judgement = "noise"
)

// A Signature is one way in which answers differ.
type Signature struct {
	Signature string    `json:"signature"`
	Judgement Judgement `json:"judgement"`
	// Count is how many comparisons differed so, Rate the share of the era's
	// comparisons without those taken for being rare, with its 95 % interval.
	Count uint64  `json:"count"`
	Rate  float64 `json:"rate"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// Confirmed is how many of them were confirmed.
	Confirmed uint64 `json:"confirmed"`
	// Noise is how often the monolith differed from itself so, among Pairs
	// requests of which it was asked twice; P the adjusted p-value against the
	// service being no worse than that.
	Noise float64 `json:"noise"`
	Pairs uint64  `json:"pairs"`
	P     float64 `json:"p"`
	// Paths where it was seen, redacted, at most 8.
	Paths     []string  `json:"paths"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Statuses are the pairs of statuses that it came with, the most frequent
	// first.
	Statuses []StatusPair `json:"statuses"`
	// Slower is the median of the service's time over the monolith's in these
	// comparisons; 0 when it is not known.
	Slower float64 `json:"slower,omitempty"`
	// Samples is how many samples are kept, Sample the newest of them.
	Samples int     `json:"samples"`
	Sample  *Sample `json:"sample,omitempty"`
}

// StatusPair counts comparisons by both statuses.
type StatusPair struct {
	Monolith int    `json:"monolith"`
	Service  int    `json:"service"`
	Count    uint64 `json:"count"`
}

// A Sample is one comparison, redacted.
type Sample struct {
	ID        string    `json:"id"` // of the comparison
	At        time.Time `json:"at"`
	RequestID string    `json:"request_id,omitempty"`
	TraceID   string    `json:"trace_id,omitempty"`
	// Method and Target are the request line, with placeholders for what is
	// redacted.
	Method   string   `json:"method"`
	Target   string   `json:"target"`
	Header   []Header `json:"header,omitempty"`
	Body     Body     `json:"body,omitzero"` // of the request
	Monolith Side     `json:"monolith"`
	Service  Side     `json:"service"`
	// Format is what the bodies were compared as.
	Format string `json:"format"`
	// Parts are the differences of this comparison, those of the signature first;
	// More is how many there are beside them.
	Parts []Part `json:"parts"`
	More  int    `json:"more,omitempty"`
	// Curl asks again: a command for a shell, with $SERVICE for the target's URL
	// and placeholders in braces.
	Curl string `json:"curl"`
	// Expected is the monolith's answer as far as it may be shown: for JSON its
	// structure with placeholders for values ("<string>", "<number>", "<bool>"),
	// for names that look like data ("<name~hash>") and, at the end of a list, for
	// elements that are left out ("<8 more>"); else empty.
	Expected string `json:"expected,omitempty"`
}

// Kept is a sample with the signature that it is of.
type Kept struct {
	Signature string `json:"signature"`
	Sample
}

// Header is one header field in the order of names.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Body says what a body was without showing it.
type Body struct {
	Type string `json:"type,omitempty"` // its Content-Type without parameters
	Size int    `json:"size"`           // in bytes, as captured
	Hash string `json:"hash,omitempty"` // keyed
}

// Side is one answer of a sample.
type Side struct {
	Build  string  `json:"build,omitempty"`
	Status int     `json:"status"`
	Took   float64 `json:"took_ms"`
	Cold   bool    `json:"cold,omitempty"`
	Body   Body    `json:"body"`
}

// A Part is one difference of a sample. Monolith and Service are type:size:hash
// unless Clear is true.
type Part struct {
	Path     string `json:"path"`
	Kind     string `json:"kind"`
	Monolith string `json:"monolith"`
	Service  string `json:"service"`
	Clear    bool   `json:"clear,omitempty"`
	// Own marks the differences of the signature that the sample is of.
	Own bool `json:"own,omitempty"`
	// Lapsed is the path of a rule that excused it until it expired.
	Lapsed string `json:"lapsed,omitempty"`
}

// Coverage is where the sampled requests ended. The counts of Buckets add up to
// Sampled.
type Coverage struct {
	Sampled uint64   `json:"sampled"`
	Rare    uint64   `json:"rare"` // beside them, taken for being rare
	Buckets []Bucket `json:"buckets"`
	// Formats are what the compared bodies were read as.
	Formats []Count `json:"formats,omitempty"`
}

// A Bucket is one way to end, with the reasons if it has any.
type Bucket struct {
	Bucket   string  `json:"bucket"`
	Count    uint64  `json:"count"`
	Share    float64 `json:"share"` // of Sampled
	Compared bool    `json:"compared"`
	Why      []Count `json:"why,omitempty"`
}

// Count is how often something was.
type Count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

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

// Latency holds the times of both sides to the same requests against each other,
// without first uses of a connection.
type Latency struct {
	Pairs     uint64          `json:"pairs"`
	Cold      uint64          `json:"cold"` // left out
	Quantiles []LatencyAtRank `json:"quantiles,omitempty"`
	// Ratio is the median of the service's time over the monolith's, request by
	// request, and Slower the share of requests that the service took longer for.
	Ratio  float64 `json:"ratio,omitempty"`
	Slower float64 `json:"slower,omitempty"`
}

// LatencyAtRank is one quantile of both sides, in milliseconds.
type LatencyAtRank struct {
	Quantile float64 `json:"quantile"`
	Monolith float64 `json:"monolith_ms"`
	Service  float64 `json:"service_ms"`
}

// Met tells whether every route's gate is met. A report without a route meets
// nothing.
func (r *Report) Met() bool {
	for i := range r.Routes {
		if r.Routes[i].Verdict.State != Met {
			return false
		}
	}
	return len(r.Routes) > 0
}
