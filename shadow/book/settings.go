package book

import (
	"time"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Route is what the table says of a route's evidence.
type Route struct {
	Name, Owner string
	// Pattern of the route, as the table has it: its literal segments are not
	// redacted in samples. Empty: every segment is.
	Pattern string
	// Rules of the comparison, presets' too, and their fingerprint.
	Rules       []*diff.Rule
	Fingerprint string
	// Sides names what is compared ([shadow.Settings.Sides]).
	Sides string
	// Monolith and Service are the targets that Sides names.
	Monolith, Service Target
	// Control is who is asked a second time in the monolith's name.
	Control string
	// Clear are the paths whose values are kept in clear, see the package comment.
	Clear []string
	// Gate: how many comparisons there must be, and what the mismatch rate must be
	// below, from 0 to 1. Zero: 3,000 and 0.001.
	Compared      uint64
	MismatchBelow float64
	// Silence is how long nothing may be compared before the route counts as
	// blind; default 15 minutes.
	Silence time.Duration
}

// Target is one that is compared, as far as advice needs it: Build is the header in
// which its answers name their build, empty when the table names none.
type Target struct{ Name, Build string }
