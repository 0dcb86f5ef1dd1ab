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
	// Advice is what the set-up of the route lacks, one sentence each, with what to do.
	Advice []string `json:"advice,omitempty"`
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
	// Compared and Mismatched of the era, without those taken for being rare. A
	// mismatch is what ended as different or not_reproducible, but for Excused of the
	// latter: so many the monolith shows against itself in the same places.
	Compared   uint64 `json:"compared"`
	Mismatched uint64 `json:"mismatched"`
	Excused    uint64 `json:"excused,omitempty"`
	// Rate of mismatches, and what it is at most at 95 %, from 0 to 1.
	Rate  float64 `json:"rate"`
	Upper float64 `json:"upper"`
	// Gate is what is asked for.
	Gate Gate `json:"gate"`
	// Needed is how many more comparisons without a mismatch would meet the gate;
	// absent when it is met, or when no number would do.
	Needed uint64 `json:"needed,omitempty"`
	// NeededPairs is how many more pairs (requests of which the monolith is asked
	// twice by chance) it takes to tell the service from noise that was learned.
	NeededPairs uint64 `json:"needed_pairs,omitempty"`
	// RestsOn says that not one comparison was equal without a rule or noise, so that
	// the verdict rests on what these excuse alone, and what to do; empty else. It
	// changes no state.
	RestsOn string `json:"rests_on,omitempty"`
	// Idle says for how long nothing was compared, when nothing came that could be;
	// empty else. It changes no state, but no gate of a rollout opens by it.
	Idle string `json:"idle,omitempty"`
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
	// Samples is how many are still kept of an earlier era.
	Samples int `json:"samples_kept,omitempty"`
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
