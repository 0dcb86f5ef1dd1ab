package routes

import "time"

// Arm is the side that serves a request.
type Arm uint8

// The two arms; the zero value is the monolith.
const (
	Monolith Arm = iota
	Service
)

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
}

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

// Decision is route + arm + reason, made once per request and then logged,
// counted, shown and reported from this value.
type Decision struct {
	// Route is the matched route's name, empty when none matched.
	Route string
	Arm   Arm
	// Reason says why.
	Reason Reason
	// Share is the threshold the bucket was held against.
	Share PPM
	// Bucket is the key's place in 0…999,999, or NoBucket when none was needed.
	Bucket PPM
}
