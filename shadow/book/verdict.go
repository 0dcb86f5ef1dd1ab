package book

import (
	"fmt"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

const (
	// From these counts on a share is more than an accident.
	leastUnanswered = 10
	leastHollow     = 50
	leastMismatched = 3
	// maxUnanswered is the share of requests that the shadow may leave without an
	// answer: what is not answered is not compared, and would be held for good.
	maxUnanswered = 0.01
	maxHollow     = 0.95
	expiring      = 14 * 24 * time.Hour
)

// judge is one route's evidence, being judged.
type judge struct {
	now      time.Time
	since    time.Time
	alarm    string
	config   *Route
	era      *Era
	findings []stats.Finding
	rules    []report.Rule
	out      report.Verdict
	// undecided is why what was learned of the noise is not enough yet.
	undecided string
	// beyond is that there are certainly more mismatches than the gate lets pass.
	beyond bool
}

// verdict is what the gate says.
func (j *judge) verdict() report.Verdict {
	e := j.era
	rate := stats.Rate{Mismatches: e.Mismatched, Compared: e.Compared}
	j.out = report.Verdict{
		State: report.Met, Compared: e.Compared, Mismatched: e.Mismatched,
		Rate: share(e.Mismatched, e.Compared), Upper: rate.Upper(),
		Gate: gate(j.config), LastCompared: e.LastCompared,
	}
	if j.outdated() {
		j.say(report.NotYet, "the table has other rules or targets by now, and nothing was compared by them yet")
	}
	j.blind()
	j.proved()
	j.exceeded()
	j.unanswered()
	j.ruled()
	if j.unproven() {
		j.say(report.NotYet, "%s", j.undecided)
	}
	j.counted(rate)
	return j.out
}

// gate is what the route asks for, or what we do.
func gate(c *Route) report.Gate {
	g := report.Gate{Compared: c.Compared, MismatchBelow: c.MismatchBelow}
	if g.Compared == 0 && g.MismatchBelow == 0 {
		return report.Gate{Compared: defaultCompared, MismatchBelow: defaultBelow, Default: true}
	}
	return g
}

// say adds a reason. The weightiest comes first and decides the state.
func (j *judge) say(state report.State, format string, args ...any) {
	if len(j.out.Reasons) == 0 {
		j.out.State = state
	}
	j.out.Reasons = append(j.out.Reasons, fmt.Sprintf(format, args...))
}

func (j *judge) blind() {
	e := j.era
	last := e.LastCompared
	if last.IsZero() {
		if last = j.since; e.Number > 1 && e.Began.After(last) { // begun by hand
			last = e.Began
		}
	}
	silent := j.now.Sub(last)
	switch {
	case j.config.Name == "": // no longer in the table: nothing is expected
	case j.alarm != "":
		j.say(report.Blind, "%s%s", j.alarm, mostly(e))
	case silent < j.config.Silence:
	case e.Sampled == 0:
		j.say(report.Blind, "nothing was sampled for %s", span(silent))
	default:
		j.say(report.Blind, "nothing was compared for %s%s", span(silent), mostly(e))
	}
	if all := e.Compared; all >= leastHollow && share(e.Hollow, all) > maxHollow {
		j.say(report.Blind, "%s of %s comparisons were of two empty bodies or two errors, which proves nothing: see what the shadow is asked",
			report.Number(e.Hollow), report.Number(all))
	}
}

// outdated tells whether the era is of rules or targets that the table has no
// more: the next comparison begins another.
func (j *judge) outdated() bool {
	other := func(has, want string) bool { return has != "" && want != "" && has != printable(want, maxBuild) }
	return other(j.era.Rules, j.config.Fingerprint) || other(j.era.Sides, j.config.Sides)
}

// mostly names what became of most requests that were not compared.
func mostly(e *Era) string {
	most := -1
	for bucket, n := range e.Buckets {
		if !shadow.Bucket(bucket).Compared() && n > 0 && (most < 0 || n > e.Buckets[most]) {
			most = bucket
		}
	}
	if most < 0 {
		return ""
	}
	return fmt.Sprintf("; of %s sampled in this era %s ended as %s", report.Number(e.Sampled), report.Number(e.Buckets[most]), shadow.Bucket(most))
}

func (j *judge) proved() {
	var names []string
	for i := range j.findings {
		if j.findings[i].Worse {
			names = append(names, j.findings[i].Path)
		}
	}
	if len(names) > 0 {
		j.say(report.Failing, "the service differs certainly more often than the monolith does from itself, in %s", listed(names))
	}
	below := j.out.Gate.MismatchBelow
	if n := j.era.Compared; below > 0 && j.era.Mismatched >= leastMismatched && 1-evidence.UpperRate(n-j.era.Mismatched, n) >= below {
		j.beyond = true
		j.say(report.Failing, "there are certainly more mismatches than the gate lets pass")
	}
}

// listed are the first of some names.
func listed(names []string) string {
	const shown = 3
	text := strings.Join(names[:min(shown, len(names))], "; ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func (j *judge) unanswered() {
	e := j.era
	none := e.Buckets[shadow.ShadowError] + e.Buckets[shadow.ShadowTimeout]
	asked := none + e.Compared
	if none >= leastUnanswered && share(none, asked) > maxUnanswered {
		j.say(report.Failing, "the shadow left %s of %s requests without an answer (%s); what is not answered is not compared",
			report.Number(none), report.Number(asked), percent(share(none, asked)))
	}
	if e.Mixed {
		j.say(report.Failing, "builds change too often to be kept apart, so the evidence is of several: see which header names the build")
	}
}

// maxRuleReasons is how many rules of one state are named as reasons; the report's
// list of rules has all.
const maxRuleReasons = 3

func (j *judge) ruled() {
	named := map[report.RuleState]int{}
	for i := range j.rules {
		state := j.rules[i].State
		if named[state]++; named[state] > maxRuleReasons {
			continue
		}
		switch r := &j.rules[i]; r.State {
		case report.RuleExpired:
			j.say(report.Failing, "the rule for %s (%s) expired on %s: renew it or take it out", r.Path, r.Owner, r.Until.Format(time.DateOnly))
		case report.RuleNeverHit:
			j.say(report.Failing, "the rule for %s (%s) never excused anything: take it out", r.Path, r.Owner)
		default:
		}
	}
	for _, state := range []report.RuleState{report.RuleExpired, report.RuleNeverHit} {
		if more := named[state] - maxRuleReasons; more > 0 {
			j.say(report.Failing, "and %d more rules that are %s", more, strings.ReplaceAll(string(state), "_", " "))
		}
	}
}

// counted says whether there are enough comparisons. How many there are, of how
// many, stands in the verdict's numbers; here it is said once, and only where
// nothing weightier was.
func (j *judge) counted(rate stats.Rate) {
	g := j.out.Gate
	missing, reason := uint64(0), ""
	if rate.Compared < g.Compared {
		missing = g.Compared - rate.Compared
		reason = "there are fewer comparisons than the gate asks for"
	}
	if g.MismatchBelow > 0 && j.out.Upper >= g.MismatchBelow {
		needed, ok := rate.Needed(g.MismatchBelow)
		if !ok {
			j.say(report.Failing, "no number of comparisons proves a rate below %s", percent(g.MismatchBelow))
			return
		}
		missing = max(missing, needed)
		if reason == "" {
			reason = "there are too few comparisons to show that the rate of mismatches is below the gate's"
		}
	}
	if j.out.Needed = missing; reason != "" && !j.beyond && j.out.State != report.Blind {
		j.say(report.NotYet, "%s", reason)
	}
}

// percent is a rate with three digits that count.
func percent(rate float64) string { return fmt.Sprintf("%.3g %%", 100*rate) }

// span is a time as one says it.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d/time.Minute))
	default:
		return fmt.Sprintf("%d seconds", int(d/time.Second))
	}
}
