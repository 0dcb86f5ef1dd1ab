package book

import (
	"cmp"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// Signature is what is known of one way to differ in one era.
type Signature struct {
	Signature string `json:"signature"`
	// Count is how many comparisons differed so, Unbiased how many of them were
	// not taken for being rare, Confirmed how many differed so again when both were
	// asked again.
	Count     uint64 `json:"count"`
	Unbiased  uint64 `json:"unbiased"`
	Confirmed uint64 `json:"confirmed"`
	// Noise is how many comparisons showed the monolith to differ from itself so,
	// and the service nowhere beyond that. Unsteady counts pairs in which it did.
	Noise uint64 `json:"noise"`
	// Once is how many comparisons differed so, and did not when they were asked again.
	Once     uint64 `json:"once,omitempty"`
	Unsteady uint64 `json:"unsteady,omitempty"`
	// Both, Service and Monolith count pairs (package stats).
	Both     uint64              `json:"both"`
	Service  uint64              `json:"service"`
	Monolith uint64              `json:"monolith"`
	First    time.Time           `json:"first,omitzero"`
	Last     time.Time           `json:"last,omitzero"`
	Paths    []string            `json:"paths,omitempty"`
	Statuses []report.StatusPair `json:"statuses,omitempty"`
	Ratio    Sketch              `json:"ratio"`
}

const (
	// other stands for the signatures beyond the limit.
	other       = "(other)"
	maxPaths    = 8
	maxStatuses = 8
	// plainly is how many times as often as the monolith differs from itself a
	// difference must have come again to be confirmed: what differs by chance comes
	// again by chance, and never more often than it is noise.
	plainly = 3
)

func (s *Signature) clone() Signature {
	out := *s
	out.Paths, out.Statuses = slices.Clone(s.Paths), slices.Clone(s.Statuses)
	return out
}

func (s *Signature) pairs(compared uint64) stats.Pairs {
	return stats.Pairs{Compared: compared, Both: s.Both, Service: s.Service, Monolith: s.Monolith}
}

// pair counts one request that was chosen for a second answer.
func (s *Signature) pair(o *outcome) {
	var p stats.Pairs
	if o.serviceAlone == o.monolithAlone {
		p.Add(true, true)
	} else {
		p.Add(o.serviceAlone, o.monolithAlone)
	}
	if o.monolith {
		s.Unsteady++
	}
	s.Both, s.Service, s.Monolith = s.Both+p.Both, s.Service+p.Service, s.Monolith+p.Monolith
}

// differ counts one comparison in which the service differed so.
func (s *Signature) differ(r *shadow.Record, o *outcome) {
	s.Count++
	if !r.Rare {
		s.Unbiased++
	}
	if r.Bucket == shadow.Different && r.Repeated != nil && s.again(r, o) {
		s.Confirmed++
	}
	if r.Bucket == shadow.NotReproducible && o.serviceAlone {
		s.Once++
	}
	if s.First.IsZero() || r.At.Before(s.First) {
		s.First = r.At
	}
	if r.At.After(s.Last) {
		s.Last = r.At
	}
	s.status(r.Monolith.Answer.Status, r.Service.Answer.Status)
	if m, t := r.Monolith.Took, r.Service.Took; m > 0 && t > 0 && !r.Monolith.Cold && !r.Service.Cold {
		s.Ratio.count(float64(t), float64(m))
	}
}

// again tells whether the service differed so again where the monolith does not
// from itself.
func (s *Signature) again(r *shadow.Record, o *outcome) bool {
	if !o.monolith {
		return has(r.Repeated.Differences, s.Signature)
	}
	return slices.ContainsFunc(r.Result.Differences, func(d diff.Difference) bool {
		return d.Signature == s.Signature && !hasAt(r.Again.Differences, &d) && hasAt(r.Repeated.Differences, &d)
	})
}

func (s *Signature) status(monolith, service int) {
	i := slices.IndexFunc(s.Statuses, func(p report.StatusPair) bool { return p.Monolith == monolith && p.Service == service })
	switch {
	case i >= 0:
		s.Statuses[i].Count++
	case len(s.Statuses) < maxStatuses:
		s.Statuses = append(s.Statuses, report.StatusPair{Monolith: monolith, Service: service, Count: 1})
	}
}

func (s *Signature) path(path string) {
	if len(s.Paths) < maxPaths && !slices.Contains(s.Paths, path) {
		s.Paths = append(s.Paths, path)
	}
}

// judge says what is known of the signature among so many comparisons; proved is
// what the pairs prove.
func (s *Signature) judge(proved bool, compared uint64) report.Judgement {
	switch {
	case proved:
		return report.Worse
	case s.Confirmed > plainly*s.Noise:
		return report.Confirmed
	case stats.Odd{Service: s.Once, Monolith: s.Noise}.Certain(compared) > 0:
		return report.Open
	case s.Noise > 0 || s.Both > 0 || s.Monolith > 0:
		return report.Noise
	default:
		return report.Open
	}
}

// worse orders signatures, the worst first: a proof before a suspicion, another
// class of status before any other difference, what is frequent before what is rare.
func worse(a, b *report.Signature) int {
	return cmp.Or(
		cmp.Compare(gravity(a), gravity(b)),
		cmp.Compare(class(b), class(a)),
		cmp.Compare(b.Count, a.Count),
		cmp.Compare(a.Signature, b.Signature),
	)
}

func gravity(s *report.Signature) int {
	return slices.Index([]report.Judgement{report.Worse, report.Confirmed, report.Open, report.Noise}, s.Judgement)
}

// class is 1 when the signature came with another class of status.
func class(s *report.Signature) int {
	for _, p := range s.Statuses {
		if p.Monolith/100 != p.Service/100 {
			return 1
		}
	}
	return 0
}

func bySignature(d *diff.Difference) string { return d.Signature }

func byPlace(d *diff.Difference) string { return d.Place }

// distinct calls fn once for each signature, or place, among differences, with the
// first of them.
func distinct(differences []diff.Difference, by func(d *diff.Difference) string, fn func(d *diff.Difference)) {
	for i := range differences {
		d := &differences[i]
		if !slices.ContainsFunc(differences[:i], func(x diff.Difference) bool { return by(&x) == by(d) }) {
			fn(d)
		}
	}
}

func has(differences []diff.Difference, signature string) bool {
	return slices.ContainsFunc(differences, func(d diff.Difference) bool { return d.Signature == signature })
}
