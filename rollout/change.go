package rollout

import (
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Act says who changes something, why and from where.
type Act struct {
	// By is who: a person's or a system's name. Required.
	By string `json:"by"`
	// Reason is why; required for a hold and for the brake.
	Reason string `json:"reason,omitempty"`
	// Source is where the change came from, one of the Source constants. Required.
	Source string `json:"source"`
	// IfVersion refuses the change with a *Conflict unless the route's version
	// is this one; 0 means no check.
	IfVersion uint64 `json:"if_version,omitempty"`
}

// Where a change can come from.
const (
	SourceCLI        = "cli"
	SourceConsole    = "console"
	SourceAPI        = "api"
	SourceController = "controller"
	SourceGuard      = "guard"
	SourceLedger     = "ledger" // the ledger itself, see VerbWithdraw
)

// Verb is what a change did.
type Verb string

// The verbs.
const (
	VerbSet          Verb = "set"
	VerbHold         Verb = "hold"
	VerbRelease      Verb = "release"
	VerbBrake        Verb = "brake"
	VerbBrakeRelease Verb = "brake_release"
	// VerbWithdraw takes back a change that the caller was told was refused
	// but that the store had taken after all.
	VerbWithdraw Verb = "withdraw"
)

// Change is one record of the journal.
type Change struct {
	// Seq is the record's place in the journal, from 1, given by the store; 0
	// until stored.
	Seq uint64 `json:"seq,omitempty"`
	// ID names the change before it is stored, so that writing it again is
	// harmless.
	ID string `json:"id"`
	// Route is the route that changed, or AllRoutes for the brake.
	Route string `json:"route"`
	Verb  Verb   `json:"verb"`
	// Before and After are the states around the change. Before is nil when
	// the route had never been touched; After.Version is one more than
	// Before's.
	Before *RouteState `json:"before,omitempty"`
	After  *RouteState `json:"after"`
	// Act is who did it, why and from where.
	Act Act       `json:"act"`
	At  time.Time `json:"at"`
	// Stored is false while the change is in effect but the store has not
	// taken it yet.
	Stored bool `json:"stored"`
}

var _ = routes.One
