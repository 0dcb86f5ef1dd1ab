package rollout

import (
	"context"
	"time"
)

// Store keeps the journal and the salts. Every method may be called by several
// goroutines at once and gives up when its context ends. Package storetest
// holds the tests that every store must pass.
type Store interface {
	// Load reads the newest change of every route, the brake's among them.
	Load(ctx context.Context) (Saved, error)
	// Apply appends a change to the journal, durably: once it has returned
	// without an error, the change survives the process and the machine's power.
	//
	// It answers the record as stored, with Seq. A change whose ID is recorded
	// already is not recorded again; the answer is the old record. A change
	// whose Before is not the newest state of its route is refused with an
	// error wrapping ErrStale.
	Apply(ctx context.Context, c Change) (Change, error)
	// History reads a page of the journal, newest first unless the query turns it.
	History(ctx context.Context, q Query) ([]Change, error)
	// Salts answers the salt of every cohort asked for. One that has none yet
	// gets fresh(), stored before Salts returns and never changed again.
	Salts(ctx context.Context, cohorts []string, fresh func() string) (map[string]string, error)
}

// Saved is what a store holds of the present.
type Saved struct {
	// Newest is the newest change of every route that ever changed, by route.
	Newest map[string]Change
}

// Query selects records of the journal. A zero field selects all; several
// narrow each other.
type Query struct {
	// Route limits the answer to one route (or AllRoutes, the brake).
	Route string
	// Actor, Source and Verb limit it to one Act.By, one Act.Source (they need
	// not be known ones) and one verb. All compare exactly.
	Actor  string
	Source string
	Verb   Verb
	// Since and Until limit it to changes made at Since or later, and before
	// Until, by the clock of whoever made them.
	Since, Until time.Time
	// Before and After are cursors: records older than the one with Seq Before,
	// and newer than the one with Seq After. The next page starts at the last
	// record of this one.
	Before, After uint64
	// OldestFirst turns the order, which is newest first.
	OldestFirst bool
	// Limit is the most records to answer, 1 to MaxHistory; any other means
	// MaxHistory.
	Limit int
}

// MaxHistory is the most records one History answers.
const MaxHistory = 1000
