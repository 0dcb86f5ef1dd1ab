package replay

import (
	"cmp"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// A Verdict is how one exchange ended.
type Verdict string

// The verdicts.
const (
	Equal       Verdict = "equal"
	EqualByRule Verdict = "equal_by_rule"
	// EqualRedacted: equal as far as is known; of the rest only types were compared.
	EqualRedacted Verdict = "equal_redacted"
	// Undecided: the very values that a case was kept for are redacted.
	Undecided         Verdict = "undecided"
	Different         Verdict = "different"
	NotComparable     Verdict = "not_comparable"
	Failed            Verdict = "failed" // no answer
	SkippedUnsafe     Verdict = "skipped_unsafe"
	SkippedIncomplete Verdict = "skipped_incomplete" // a placeholder has no value, or a body is not kept
)

// Outcome is what came of one exchange.
type Outcome struct {
	Name          string            `json:"name"`
	Method        string            `json:"method"`
	Target        string            `json:"target"` // its query's values as …
	Verdict       Verdict           `json:"verdict"`
	Expected, Got int               `json:"-"` // statuses
	Why           string            `json:"why,omitempty"`
	Differences   []diff.Difference `json:"-"`

	place int  // of the exchange among all
	sent  bool // to the target
}

func (o Outcome) end(v Verdict, why string) Outcome {
	o.Verdict, o.Why = v, why
	return o
}

// shown is the target as it may be printed.
func (x *Exchange) shown(values bool) string {
	path, query, found := strings.Cut(x.Target, "?")
	if values || !found {
		return x.Target
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, _, is := strings.Cut(pair, "="); is {
			pairs[i] = name + "=…"
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}

// Version of the JSON of a Result.
const Version = 1

// Result is what a replay came to. The counts of Verdicts add up to Replayed and
// NotSent.
type Result struct {
	Version int    `json:"version"`
	Target  string `json:"target"`
	Against string `json:"against,omitempty"`
	// Exchanges is how many there were, Replayed how many were sent, NotSent how
	// many were not to be or could not be; the rest was interrupted.
	Exchanges   int             `json:"exchanges"`
	Replayed    int             `json:"replayed"`
	NotSent     int             `json:"not_sent"`
	Interrupted bool            `json:"interrupted,omitempty"`
	Verdicts    map[Verdict]int `json:"verdicts"`
	// Signatures, the most frequent first.
	Signatures []Signature `json:"signatures"`
	// Notes are exchanges that are neither equal nor different, the first 20 of each
	// verdict, in the order of the source.
	Notes []Outcome `json:"notes,omitempty"`

	key []byte // of the hashes that stand for values
}

// Signature is one way in which answers differed.
type Signature struct {
	Signature string  `json:"signature"`
	Count     int     `json:"count"` // exchanges
	Example   Example `json:"example"`

	place int // of the example
}

// Example is the first difference of a signature, in the order of the source.
type Example struct {
	Name     string `json:"name"`
	Method   string `json:"method"`
	Target   string `json:"target"`
	Expected int    `json:"expected_status"`
	Got      int    `json:"got_status"`
	Path     string `json:"path,omitempty"` // with Options.Values
	// ExpectedValue and GotValue are type:size:hash, of another type the types
	// alone, and with Options.Values the values.
	ExpectedValue string `json:"expected"`
	GotValue      string `json:"got"`
}

func newResult(o *Options, n int) *Result {
	r := &Result{Version: Version, Target: o.Target.Redacted(), Exchanges: n, Verdicts: map[Verdict]int{}, Signatures: []Signature{}, key: make([]byte, 32)}
	if o.Against != nil {
		r.Against = o.Against.Redacted()
	}
	_, _ = rand.Read(r.key) // never fails
	return r
}

const maxNotes = 20

func (r *Result) add(o *Outcome, values bool) {
	if o.sent {
		r.Replayed++
	} else {
		r.NotSent++
	}
	r.Verdicts[o.Verdict]++
	switch o.Verdict {
	case Equal, EqualByRule, EqualRedacted:
	case Different:
		r.differences(o, values)
	default:
		r.Notes = append(r.Notes, *o)
	}
}

func (r *Result) differences(o *Outcome, values bool) {
	for i := range o.Differences {
		d := &o.Differences[i]
		if slices.ContainsFunc(o.Differences[:i], func(x diff.Difference) bool { return x.Signature == d.Signature }) {
			continue
		}
		at := slices.IndexFunc(r.Signatures, func(s Signature) bool { return s.Signature == d.Signature })
		if at >= 0 {
			r.Signatures[at].Count++
			if r.Signatures[at].place <= o.place {
				continue
			}
		}
		example := Example{Name: o.Name, Method: o.Method, Target: o.Target, Expected: o.Expected, Got: o.Got}
		example.ExpectedValue, example.GotValue = d.Monolith.Redacted(r.key), d.Service.Redacted(r.key)
		if d.Kind == diff.Type { // the values may be placeholders
			example.ExpectedValue, example.GotValue = d.Monolith.Type, d.Service.Type
		}
		if values || strings.HasPrefix(d.Signature, "status ") {
			example.Path, example.ExpectedValue, example.GotValue = d.Path, shown(d.Monolith), shown(d.Service)
		}
		if at < 0 {
			r.Signatures = append(r.Signatures, Signature{Signature: d.Signature, Count: 1, Example: example, place: o.place})
			continue
		}
		r.Signatures[at].Example, r.Signatures[at].place = example, o.place
	}
}

func shown(l diff.Leaf) string {
	if l.Text == "" {
		return l.Type
	}
	return l.Text
}

// finish brings the result into an order that does not depend on who was first.
func (r *Result) finish(interrupted bool) {
	r.Interrupted = interrupted
	slices.SortFunc(r.Signatures, func(a, b Signature) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Signature, b.Signature))
	})
	slices.SortFunc(r.Notes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.place, b.place))
	})
	said := map[Verdict]int{}
	r.Notes = slices.DeleteFunc(r.Notes, func(o Outcome) bool {
		said[o.Verdict]++
		return said[o.Verdict] > maxNotes
	})
}

// Unanswered tells whether requests were sent, and the target, or the one that it
// is compared with, answered none.
func (r *Result) Unanswered() bool {
	return r.Replayed > 0 && r.Verdicts[Failed] == r.Replayed && !r.Interrupted
}

// Clean tells whether something was compared, and nothing speaks against the
// target: no difference, no answer missing, nothing that could not be sent or
// decided. What was left out for being unsafe does not.
func (r *Result) Clean() bool {
	good := r.Verdicts[Equal] + r.Verdicts[EqualByRule] + r.Verdicts[EqualRedacted]
	bad := r.Verdicts[Different] + r.Verdicts[Failed] + r.Verdicts[Undecided] + r.Verdicts[NotComparable] + r.Verdicts[SkippedIncomplete]
	return good > 0 && bad == 0 && !r.Interrupted
}
