package shadow

// A Bucket is where a sampled request ends. Each ends in exactly one, so the
// buckets of a route add up to what was sampled.
type Bucket uint8

// The buckets. Compared tells which of them are comparisons.
const (
	// Equal: the answers are the same.
	Equal Bucket = iota
	// EqualByRule: every difference was excused by a rule.
	EqualByRule
	// Noise: asked again, the monolith differs from itself in the same places; or it
	// is known to there.
	Noise
	// Raced: something changed between the two requests, so that what differs
	// proves nothing.
	Raced
	// NotReproducible: asked again, the answers do not differ any more, though the
	// monolith did not differ from itself where they had.
	NotReproducible
	// Different: they differ, and did again when asked again.
	Different
	// MonolithError: the monolith gave no answer that could be compared, whichever
	// side it was.
	MonolithError
	// ShadowError: the service gave none; in reverse, the one that was to serve.
	ShadowError
	// ShadowTimeout: the service, asked as a shadow, did not answer in time.
	ShadowTimeout
	// DroppedQueueFull: there was no room or no use: in the queue, in memory, at the
	// target; it had waited too long, clients needed the cores, its settings were
	// replaced, or the server stops.
	DroppedQueueFull
	// DroppedOversize: a body was larger than what is kept of it.
	DroppedOversize
	// SkippedUnsafe: the method may change something, and the shadow has not
	// proved that it knows a dry run.
	SkippedUnsafe
	// SkippedStreaming: an upgraded connection or an answer without an end.
	SkippedStreaming
	// SkippedNoIdentity: the route wants a token and there is none.
	SkippedNoIdentity
	// NotComparable: a limit was hit before a difference was found, or the client
	// left before the answer was whole.
	NotComparable

	// Buckets is how many there are.
	Buckets = int(NotComparable) + 1
)

var bucketNames = [Buckets]string{
	"equal", "equal_by_rule", "noise", "raced", "not_reproducible", "different",
	"monolith_error", "shadow_error", "shadow_timeout",
	"dropped_queue_full", "dropped_oversize",
	"skipped_unsafe", "skipped_streaming", "skipped_no_identity", "not_comparable",
}

// String is the bucket's name in reports, metrics and stores.
func (b Bucket) String() string {
	if int(b) < Buckets {
		return bucketNames[b]
	}
	return "unknown"
}

// Compared tells whether the bucket says that two answers were compared and
// what came of it: these are what a rate of mismatches is of.
func (b Bucket) Compared() bool {
	switch b {
	case Equal, EqualByRule, Noise, NotReproducible, Different:
		return true
	default:
		return false
	}
}

// Mismatch tells whether the bucket counts against the service. That a difference
// did not come again does not excuse it: a service that is wrong at random seldom
// is twice.
func (b Bucket) Mismatch() bool { return b == Different || b == NotReproducible }
