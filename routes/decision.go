package routes

import (
	"encoding/json"
	"fmt"
	"time"
)

// Arm is the side that serves a request.
type Arm uint8

// The two arms; the zero value is the monolith.
const (
	Monolith Arm = iota
	Service
)

// String is the arm's name: "monolith" or "service".
func (a Arm) String() string {
	if a == Service {
		return "service"
	}
	return "monolith"
}

// MarshalText is the arm's name.
func (a Arm) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote; any other text is an error.
func (a *Arm) UnmarshalText(text []byte) error {
	switch string(text) {
	case "monolith":
		*a = Monolith
	case "service":
		*a = Service
	default:
		return fmt.Errorf("arm %q: monolith or service", text)
	}
	return nil
}

// Reason says why a request went to its arm. Reasons are part of the answer:
// they are logged, counted, shown and asserted.
type Reason string

// The reasons, strongest first.
const (
	ReasonBrake              Reason = "brake"               // every route is held
	ReasonHold               Reason = "hold"                // an operator or a guard holds the route
	ReasonAmbiguousPath      Reason = "ambiguous_path"      // servers may read the path differently
	ReasonAmbiguousCondition Reason = "ambiguous_condition" // a value a condition asks for is there twice
	ReasonNoRoute            Reason = "no_route"            // no route matches
	ReasonNoService          Reason = "no_service"          // the route has no service yet
	ReasonNoState            Reason = "no_state"            // rollout state or salt is not known
	ReasonFlag               Reason = "flag"                // the route's flag decided
	ReasonFlagUnavailable    Reason = "flag_unavailable"    // nobody could say what the flag is
	ReasonOff                Reason = "off"                 // 0 % on the service
	ReasonFull               Reason = "full"                // 100 % on the service
	ReasonNoKey              Reason = "no_key"              // nothing to be sticky by
	ReasonSplit              Reason = "split"               // the bucket decided
)

// Facts are what a decision is made from.
type Facts struct {
	// Match is the matched route, or why there is none.
	Match Match
	// State is what the rollout says of the route now.
	State State
	// Key is the sticky key; empty means there is none.
	Key string
	// Flag is the value of the route's flag for this key.
	Flag FlagValue
}

// FlagValue is what is known of a route's flag; the zero value is nothing.
type FlagValue uint8

// The values of a flag.
const (
	FlagUnknown FlagValue = iota // no provider could say: the monolith
	FlagOff                      // the monolith
	FlagOn                       // the service
)

// State is what the rollout says of one route. The zero value is "not known".
type State struct {
	// Known is false as long as the state has not been read.
	Known bool
	// Brake and Hold keep the route on the monolith. A hold with a HoldUntil
	// ends at that time; zero means until released.
	Brake, Hold bool
	HoldUntil   time.Time
	// Share is the service's part.
	Share PPM
	// Salt is the stored text that makes the route's buckets its own.
	Salt string
}

// held reports whether the route is kept on the monolith at now.
func (s State) held(now time.Time) bool {
	return s.Hold && (s.HoldUntil.IsZero() || now.Before(s.HoldUntil))
}

// Decision is route + arm + reason, made once per request and then logged,
// counted, shown and reported from this value.
type Decision struct {
	// Route is the matched route's name, empty when none matched.
	Route string
	Arm   Arm
	// Reason says why.
	Reason Reason
	// Share is the threshold the bucket was held against, or would have been;
	// 0 when something stronger decided.
	Share PPM
	// Bucket is the key's place in 0…999,999, or NoBucket when none was needed.
	Bucket PPM
}

// Decide says which arm serves a request. Strongest first:
//
//	brake, hold                          → monolith
//	ambiguous request, no route          → monolith
//	the route has no service             → monolith
//	its state is not known               → monolith
//	the route has a flag                 → as it says; unknown is the monolith
//	declared percent, else state's share:
//	    0                                → monolith
//	    100 %                            → service, no key needed
//	    between                          → by bucket; without key or salt monolith
//
// now ends holds that have an end. It does not allocate.
func Decide(f Facts, now time.Time) Decision {
	d, settled := settle(f.Match, f.State, now)
	switch {
	case settled:
	case f.Match.Entry.Route.Flag != "":
		d.Arm, d.Reason = f.Flag.arm()
	case f.Key == "":
		d.Reason = ReasonNoKey
	default:
		d.split(Bucket(f.State.Salt, f.Key))
	}
	return d
}

// split decides by the bucket.
func (d *Decision) split(bucket PPM) {
	d.Reason, d.Bucket = ReasonSplit, bucket
	if bucket < d.Share {
		d.Arm = Service
	}
}

func (v FlagValue) arm() (Arm, Reason) {
	switch v {
	case FlagOn:
		return Service, ReasonFlag
	case FlagOff:
		return Monolith, ReasonFlag
	default:
		return Monolith, ReasonFlagUnavailable
	}
}

// NeedsKey reports whether a decision on e would depend on a sticky key, or on a
// flag: only then is it worth finding one, or making one, or asking.
func NeedsKey(e *Entry, s State, now time.Time) bool {
	_, settled := settle(Match{Entry: e}, s, now)
	return !settled
}

// settle decides as far as it can be done without a key.
func settle(m Match, s State, now time.Time) (d Decision, settled bool) {
	d = Decision{Reason: m.Reason, Bucket: NoBucket}
	if m.Entry != nil {
		d.Route, d.Reason = m.Entry.Route.Name, ""
	} else if d.Reason == "" {
		d.Reason = ReasonNoRoute
	}
	switch {
	case s.Brake:
		d.Reason = ReasonBrake
	case s.held(now):
		d.Reason = ReasonHold
	case m.Entry == nil:
	case m.Entry.Route.Service == "":
		d.Reason = ReasonNoService
	case !s.Known:
		d.Reason = ReasonNoState
	default:
		return settleShare(d, m.Entry.Route, s)
	}
	return d, true
}

func settleShare(d Decision, r *Route, s State) (Decision, bool) {
	if r.Flag != "" {
		return d, false
	}
	d.Share = min(s.Share, One)
	if r.Percent != nil {
		d.Share = *r.Percent
	}
	switch {
	case d.Share == 0:
		d.Reason = ReasonOff
	case d.Share >= One:
		d.Arm, d.Reason = Service, ReasonFull
	case s.Salt == "":
		d.Reason = ReasonNoState
	default:
		return d, false
	}
	return d, true
}

// decisionJSON is a decision as it is written; a bucket that was not needed is
// left out, and both numbers say their unit.
type decisionJSON struct {
	Route  string `json:"route"`
	Arm    Arm    `json:"arm"`
	Reason Reason `json:"reason"`
	Share  uint32 `json:"share_ppm"`
	Bucket *int64 `json:"bucket,omitempty"`
}

// MarshalJSON writes {"route","arm","reason","share_ppm","bucket"}, bucket only
// when one was needed.
func (d Decision) MarshalJSON() ([]byte, error) {
	out := decisionJSON{Route: d.Route, Arm: d.Arm, Reason: d.Reason, Share: uint32(d.Share)}
	if d.Bucket != NoBucket {
		bucket := int64(d.Bucket)
		out.Bucket = &bucket
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Decision) UnmarshalJSON(data []byte) error {
	var in decisionJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*d = Decision{Route: in.Route, Arm: in.Arm, Reason: in.Reason, Share: PPM(in.Share), Bucket: NoBucket}
	if in.Bucket != nil {
		d.Bucket = PPM(*in.Bucket)
	}
	return nil
}
