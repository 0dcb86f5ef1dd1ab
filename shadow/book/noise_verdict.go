package book

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// exceeded says where the service differs more often than noise that was learned.
func (j *judge) exceeded() {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(j.era.Noise.Places)) {
		if j.era.Noise.Places[name].Excess && !j.worse(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		j.say(report.Failing, "the service differs certainly more often than the monolith's own noise there explains, in %s", listed(names))
	}
}

// worse tells whether it is proved of a signature already.
func (j *judge) worse(name string) bool {
	return slices.ContainsFunc(j.findings, func(f stats.Finding) bool { return f.Worse && f.Path == name })
}

// unproven notes that more differences are taken for noise than the gate lets
// pass, in places where the service could be told from noise by more pairs than there are:
// no gate may open by what nobody could have seen. Where the monolith differs each
// time no number of pairs tells anything; the report calls such a place blind.
func (j *judge) unproven() {
	e := j.era
	if e.Pairs >= stats.Enough {
		return
	}
	below := gate(j.config).MismatchBelow
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.Noise.learned())) {
		if n := e.Noise.stats(e.Noise.Places[name], e); !n.Always() && share(n.Service, n.Compared) > below {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	j.out.NeededPairs = stats.Enough - e.Pairs
	j.undecided = fmt.Sprintf("differences in %s are taken for the monolith's noise; it takes %s pairs to tell whether the service adds to it, there are %s; a higher again: in the route's shadow makes more",
		listed(names), report.Number(stats.Enough), report.Number(e.Pairs))
}

// unlearned are mismatches that nobody was asked about again, and that lie only where
// the monolith differs from itself, too, and the service not certainly more often.
// Once that is learned they are noise.
type unlearned struct {
	mismatches, pairs uint64 // pairs: how many more it takes
	places            map[string]bool
}

func (j *judge) unlearned() unlearned {
	e, u := j.era, unlearned{places: map[string]bool{}}
	for key, count := range e.Noise.Doubtful {
		names := strings.Split(key, "\n")
		if names[0] == "" || names[0] == shadow.NotReproducible.String() {
			continue // it came again, or did not
		}
		missing := uint64(0)
		if slices.ContainsFunc(names[1:], func(place string) bool {
			p := e.Noise.Places[place]
			if p == nil || e.Noise.stats(p, e).Exceeds() {
				return true
			}
			more := e.Noise.stats(p, e).Missing()
			missing = max(missing, more)
			return more == 0 && !p.known()
		}) {
			continue
		}
		u.mismatches, u.pairs = u.mismatches+count, max(u.pairs, missing)
		for _, place := range names[1:] {
			u.places[place] = true
		}
	}
	return u
}

func (u *unlearned) text() string {
	return fmt.Sprintf("differences in %s may be the monolith's noise; it takes %s in which it differs from itself there to know; a higher again: in the route's shadow makes more",
		listed(slices.Sorted(maps.Keys(u.places))), report.Counted(u.pairs, "more pair"))
}

// noiseReport lists where noise was learned, what hides most first.
func noiseReport(e *Era, owner string) []report.Noisy {
	var out []report.Noisy
	for _, name := range slices.Sorted(maps.Keys(e.Noise.Places)) {
		p := e.Noise.Places[name]
		if p.Since.IsZero() {
			continue
		}
		n := e.Noise.stats(p, e)
		noisy := report.Noisy{
			Place: name, State: report.NoiseLearned, Since: p.Since, Differed: p.Differed, Pairs: n.Pairs,
			Rate: share(p.Differed, n.Pairs), Service: share(n.Service, n.Compared), Compared: n.Compared,
		}
		switch {
		case p.Excess:
			noisy.State = report.NoiseExceeded
		case n.Always():
			noisy.State = report.NoiseBlind
		}
		if !p.Excess {
			noisy.Rule = suggestion(name, owner, p.Differed, n.Pairs)
		}
		out = append(out, noisy)
	}
	slices.SortStableFunc(out, func(a, b report.Noisy) int { return cmp.Compare(b.Rate, a.Rate) })
	return out
}

// suggestion is a rule for the route's shadow block that says by hand what was
// learned; empty for what no path of a rule names.
func suggestion(place, owner string, differed, pairs uint64) string {
	path := place
	for range 2 { // the kind and the types
		path = path[:max(0, strings.LastIndexByte(path, ' '))]
	}
	if strings.Contains(path, "…") { // cut short
		return ""
	}
	return fmt.Sprintf("{ path: %s, because: %s, owner: %s }", strconv.Quote(path),
		strconv.Quote(fmt.Sprintf("the monolith differs from itself there, in %s of %s pairs", report.Number(differed), report.Number(pairs))), strconv.Quote(cmp.Or(owner, "nobody")))
}
