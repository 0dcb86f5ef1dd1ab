package report

import "time"

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
	Samples int     `json:"samples_kept"`
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
