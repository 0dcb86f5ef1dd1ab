package book

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Era is evidence under one build of each side and one set of rules. Sampled is
// the sum of Buckets, always: both change together, under one lock and in one
// transaction. Rare are beside them: requests that were taken for being rare.
type Era struct {
	Number uint64    `json:"number"` // from 1
	Began  time.Time `json:"began"`
	Cause  string    `json:"cause"`
	Builds

	Mixed   bool                   `json:"mixed,omitempty"`
	Reverse bool                   `json:"reverse,omitempty"`
	Sampled uint64                 `json:"sampled"`
	Rare    uint64                 `json:"rare"`
	Buckets [shadow.Buckets]uint64 `json:"buckets"`
	// Whys counts by bucket and why ("shadow_error/connect").
	Whys map[string]uint64 `json:"whys,omitempty"`
	// Compared and Mismatched are without those taken for being rare; Mismatched has
	// those that Noise.Odd excuses.
	Compared   uint64 `json:"compared"`
	Mismatched uint64 `json:"mismatched"`
	// Pairs is how many requests were chosen for a second answer of the monolith
	// and got one.
	Pairs uint64 `json:"pairs"`
	// Unpaired is how many of those chosen got none: who was asked did not answer. Unasked
	// is how many of them nobody was asked for: there was no room.
	Unpaired uint64 `json:"unpaired,omitempty"`
	Unasked  uint64 `json:"unasked,omitempty"`
	// Unstable counts the comparisons in which the service differed and the
	// monolith's second answer did too, from its first, Noisy the pairs in which that
	// did; both but for the places where the monolith was known to differ.
	Unstable uint64            `json:"unstable,omitempty"`
	Noisy    uint64            `json:"noisy,omitempty"`
	Formats  map[string]uint64 `json:"formats,omitempty"`
	// Hollow counts comparisons that prove nothing: of two empty bodies where
	// one belongs, or of two errors.
	Hollow uint64 `json:"hollow"`
	// Hits counts the comparisons in which a rule excused something.
	Hits         map[string]uint64 `json:"hits,omitempty"`
	LastCompared time.Time         `json:"last_compared,omitzero"`
	// Monolith's and Service's times to the same requests.
	MonolithTook evidence.Latencies `json:"monolith_took"`
	ServiceTook  evidence.Latencies `json:"service_took"`
	Ratio        Sketch             `json:"ratio"`
	Cold         uint64             `json:"cold"`
	Noise        Noise              `json:"noise,omitzero"`
}

// Builds is what evidence holds for: a build of each side, empty when it names
// none, the fingerprint of the rules, and the names of the sides.
type Builds struct {
	Monolith string `json:"monolith_build,omitempty"`
	Service  string `json:"service_build,omitempty"`
	Rules    string `json:"rules,omitempty"`
	Sides    string `json:"sides,omitempty"` // which targets are compared
}

// of is what a record's evidence holds for. What it does not name is what it was:
// an error page made on the way names no build.
func (b Builds) of(r *shadow.Record) Builds {
	set := func(field *string, to string) {
		if to != "" {
			*field = printable(to, maxBuild)
		}
	}
	set(&b.Monolith, r.Monolith.Build)
	set(&b.Service, r.Service.Build)
	set(&b.Rules, r.Rules)
	set(&b.Sides, r.Sides)
	return b
}

// cause says in words why b ends and next begins.
func (b Builds) cause(next Builds) string {
	build := func(side, was, is string) string {
		if was == "" {
			return fmt.Sprintf("the %s's answers name their build now: %s", side, is)
		}
		return fmt.Sprintf("the %s's build changed: %s → %s", side, was, is)
	}
	switch {
	case b.Sides != next.Sides:
		return fmt.Sprintf("other targets are compared: %s → %s", cmp.Or(b.Sides, "not known"), next.Sides)
	case b.Service != next.Service:
		return build("service", b.Service, next.Service)
	case b.Monolith != next.Monolith:
		return build("monolith", b.Monolith, next.Monolith)
	default:
		return "the rules of the comparison changed"
	}
}

// clone is a copy that shares nothing.
func (e *Era) clone() Era {
	out := *e
	out.Whys, out.Formats, out.Hits = maps.Clone(e.Whys), maps.Clone(e.Formats), maps.Clone(e.Hits)
	out.Noise = e.Noise.clone()
	return out
}

// miss counts requests that ended in a bucket without a comparison, or with one
// that proves nothing.
func (e *Era) miss(m miss, n uint64) {
	if m.rare {
		e.Rare += n
		return
	}
	e.Sampled += n
	e.Buckets[m.bucket] += n
	if m.why != "" {
		bump(&e.Whys, m.bucket.String()+"/"+m.why, n)
	}
}

// compare counts a comparison.
func (e *Era) compare(r *shadow.Record) {
	e.miss(miss{bucket: r.Bucket, why: word(r.Why), rare: r.Rare}, 1)
	e.Reverse = r.Reverse
	if r.At.After(e.LastCompared) {
		e.LastCompared = r.At
	}
	if !r.Rare {
		e.Compared++
		if r.Bucket.Mismatch() {
			e.Mismatched++
		}
	}
	if r.Hollow() && !r.Rare {
		e.Hollow++
	}
	if r.Chosen && !r.Rare && r.Again == nil {
		if r.Unasked {
			e.Unasked++
		} else {
			e.Unpaired++
		}
	}
	bump(&e.Formats, r.Result.Format, 1)
	for _, x := range r.Result.Excuses {
		bump(&e.Hits, ruleKey(x.Rule), 1)
	}
	e.latency(r)
}

func (e *Era) latency(r *shadow.Record) {
	m, s := r.Monolith.Took, r.Service.Took
	switch {
	case m <= 0 || s <= 0:
	case r.Monolith.Cold || r.Service.Cold:
		e.Cold++
	default:
		e.MonolithTook.Count(m)
		e.ServiceTook.Count(s)
		e.Ratio.count(float64(s), float64(m))
	}
}

// ruleKey names a rule by what it does.
func ruleKey(r *diff.Rule) string { return r.Path + " " + r.Compare + " " + r.Arg }

// maxNames bounds the maps of an era: what they count by is of closed sets, so
// more of it is a defect elsewhere that must not become one here.
const maxNames = 2000

func bump(counts *map[string]uint64, name string, by uint64) {
	if *counts == nil {
		*counts = map[string]uint64{}
	}
	if _, known := (*counts)[name]; !known && len(*counts) >= maxNames {
		name = "other"
	}
	(*counts)[name] += by
}
