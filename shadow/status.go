package shadow

import "time"

// Status is how the mirroring of one route goes, since the route is mirrored in
// this process.
type Status struct {
	Route   string `json:"route"`
	Reverse bool   `json:"reverse,omitempty"`
	// Seen is how many requests could have been sampled, Sampled how many the hash
	// has. Each of Sampled is in one of Buckets, or is still Open (being served),
	// Queued or InFlight.
	Seen     uint64            `json:"seen"`
	Sampled  uint64            `json:"sampled"`
	Buckets  map[string]uint64 `json:"ended"`
	Open     int64             `json:"being_served"`
	Queued   int64             `json:"queued"`
	InFlight int64             `json:"in_flight"`
	// GivesWay is true while clients leave comparing little time: what then waits too
	// long is in dropped_queue_full.
	GivesWay bool `json:"gives_way"`
	// Extra is how many requests were compared beside, as those like them are rare.
	Extra uint64 `json:"extra"`
	// Again is how often a side was asked again, Panics how many defects were
	// caught: please report them.
	Again  uint64 `json:"asked_again"`
	Panics uint64 `json:"panics"`
	// Second is how the monolith's second answers come.
	Second Second `json:"second_answers"`
	// Bytes is what the copies of all routes hold now, of at most Budget.
	Bytes  int64 `json:"bytes"`
	Budget int64 `json:"budget"`
	// Proof says whether requests that may change something are mirrored.
	Proof Proof `json:"proof"`
	// Alarm says why nothing is compared, empty while all is well; Since when.
	Alarm string    `json:"alarm,omitempty"`
	Since time.Time `json:"alarm_since,omitzero"`
}

// Second is how the answers come that tell how often the monolith differs from
// itself, by the settings that the route has now.
type Second struct {
	// Target is who is asked: the control, or the monolith. Empty: nobody can be.
	Target string `json:"target,omitempty"`
	// Asked is how often it was, Failed how often that gave no answer, Why what the last
	// failure was in a word: connect, timeout, broken, certificate, looped.
	Asked  uint64 `json:"asked"`
	Failed uint64 `json:"failed"`
	Why    string `json:"why,omitempty"`
	// SilentSince is since when it gives none at all, absent while it gives some.
	SilentSince time.Time `json:"silent_since,omitzero"`
}

// Proof is what is known of a shadow's dry run.
type Proof struct {
	State ProofState `json:"state"`
	// Reason says why it is not proved.
	Reason string `json:"reason,omitempty"`
	// At is when it was found out.
	At time.Time `json:"at,omitzero"`
}

// ProofState is whether a shadow knows the dry run.
type ProofState string

// The states.
const (
	ProofOff     ProofState = "off"     // the route does not say dry_run
	ProofUnknown ProofState = "unknown" // not asked yet, or not any more
	ProofGiven   ProofState = "proved"
	ProofRefused ProofState = "refused" // asked again after a while
	ProofBroken  ProofState = "stopped" // a mirrored request came back without ack: stopped until somebody resumes it
)
