package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Act says who changes something, why and from where.
type Act struct {
	// By is who: a person's or a system's name. Required.
	By string `json:"by"`
	// Reason is why; required for a hold, the brake, a pause, an abort, a roll
	// back, an undo, and a reset and a resumption of a shadow.
	Reason string `json:"reason,omitempty"`
	// Source is where the change came from, one of the Source constants. Required.
	Source string `json:"source"`
	// IfVersion refuses the change with a *Conflict unless the route's version
	// is this one; 0 means no check.
	IfVersion uint64 `json:"if_version,omitempty"`
	// DryRun asks what the change would do. The answer is the change as it would
	// be made now, or refused; nothing is changed, stored or logged. It has no ID.
	DryRun bool `json:"dry_run,omitempty"`
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

// sources are those an Act may name.
var sources = []string{SourceCLI, SourceConsole, SourceAPI, SourceController, SourceGuard}

// Verb is what a change did.
type Verb string

// The verbs.
const (
	VerbSet          Verb = "set"
	VerbHold         Verb = "hold"
	VerbRelease      Verb = "release"
	VerbBrake        Verb = "brake"
	VerbBrakeRelease Verb = "brake_release"
	VerbStart        Verb = "start"
	VerbAdvance      Verb = "advance"
	VerbPause        Verb = "pause"
	VerbResume       Verb = "resume"
	VerbApprove      Verb = "approve"
	VerbAbort        Verb = "abort"
	VerbRollBack     Verb = "roll_back"
	VerbUndo         Verb = "undo"
	// VerbKeyRotate and VerbKeyRevoke are of the keys that sign tokens.
	VerbKeyRotate Verb = "key_rotate"
	VerbKeyRevoke Verb = "key_revoke"
	// VerbWithdraw ends a change away from the monolith that the caller was
	// told was refused because the store did not answer: if the store had taken
	// it, the state is what it was before; if not, it no longer can.
	VerbWithdraw Verb = "withdraw"
	// VerbShadowReset began the evidence of the route's shadow anew. It is a note.
	VerbShadowReset Verb = "shadow_reset"
	// VerbShadowStop stopped the mirroring of the route's requests that may change
	// something, for the shadow broke its word, and VerbShadowResume lets it go on. Of
	// how the route is served they change nothing.
	VerbShadowStop   Verb = "shadow_stop"
	VerbShadowResume Verb = "shadow_resume"
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

// towardMonolith says whether the change can only move requests to the
// monolith, never away from it.
func (c Change) towardMonolith() bool {
	return stateBefore(c).towardMonolith(*c.After)
}

// stateBefore is the state a change was made on.
func stateBefore(c Change) RouteState {
	if c.Before != nil {
		return *c.Before
	}
	return RouteState{Route: c.Route}
}

// unchanged is the answer for a change that would have changed nothing.
func (c Change) unchanged() Change {
	c.ID, c.Stored = "", true
	return c
}

// Summary says in a few words what the change did and who did it, as in
// "anna set 25 % (was 5 %)".
func (c Change) Summary() string {
	var what string
	switch c.Verb {
	case VerbSet:
		what = "set " + c.After.Share.String()
		if c.Before != nil {
			what += " (was " + c.Before.Share.String() + ")"
		}
	case VerbStart, VerbAdvance, VerbRollBack, VerbUndo:
		what = strings.ReplaceAll(string(c.Verb), "_", " ") + " to " + c.After.Share.String()
		if c.After.Hold != nil {
			what += ", held"
		}
	case VerbHold, VerbBrake:
		what = string(c.Verb)
		if hold := c.After.Hold; hold != nil && !hold.Until.IsZero() {
			what += " until " + hold.Until.Format(time.RFC3339)
		}
	case VerbKeyRotate, VerbKeyRevoke:
		what = strings.ReplaceAll(string(c.Verb), "_", " ") + " " + c.After.Key
	default:
		what = strings.ReplaceAll(string(c.Verb), "_", " ")
	}
	if c.Act.Reason != "" {
		what += ": " + strconv.Quote(c.Act.Reason)
	}
	return c.Act.By + " " + what
}

// The bounds of what people write, in characters.
const (
	MaxBy     = 100
	MaxReason = 500
	maxRoute  = 255
)

// needsReason says whether a verb needs a reason: what takes something away
// from others, or surprises them.
func (v Verb) needsReason() bool {
	return slices.Contains([]Verb{VerbHold, VerbBrake, VerbPause, VerbAbort, VerbRollBack, VerbUndo, VerbShadowReset, VerbShadowStop, VerbShadowResume, VerbKeyRevoke}, v)
}

// validate holds an act against the bounds.
func (a Act) validate(needsReason bool) error {
	switch {
	case a.By == "":
		return ErrActorRequired
	case needsReason && strings.TrimSpace(a.Reason) == "":
		return ErrReasonRequired
	case !slices.Contains(sources, a.Source):
		return fmt.Errorf("%w: %q is no source; it must be one of %s", ErrInvalid, a.Source, strings.Join(sources, ", "))
	}
	if err := checkText("the actor", a.By, MaxBy); err != nil {
		return err
	}
	return checkText("the reason", a.Reason, MaxReason)
}

// checkText refuses what would break a line of a log or a terminal, or turn
// the reading direction of what stands around it.
func checkText(what, text string, limit int) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: %s is not valid UTF-8", ErrInvalid, what)
	}
	if n := utf8.RuneCountInString(text); n > limit {
		return fmt.Errorf("%w: %s has %d characters, at most %d are allowed", ErrInvalid, what, n, limit)
	}
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return fmt.Errorf("%w: %s holds the control character %U", ErrInvalid, what, r)
		}
	}
	return nil
}
