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
	// signatures are the era's, by name.
	signatures map[string]*signature
	rules      []report.Rule
	out        report.Verdict
	// pending are mismatches that are noise once that is learned.
	pending uint64
	// undecided is why what was learned of the noise is not enough yet.
	undecided string
	// contradiction is that a signature alone is more than the gate lets pass; empty:
	// none is.
	contradiction string
	// beyond is that there are certainly more mismatches than the gate lets pass.
	beyond bool
}

// verdict is what the gate says.
func (j *judge) verdict() report.Verdict {
	stale := j.outdated()
	if stale { // what is to be counted begins from nothing
		j.era, j.findings = &Era{Number: j.era.Number, Began: j.era.Began, LastCompared: j.era.LastCompared}, nil
		j.rules = ruleReport(j.config, j.era, j.now)
	}
	e := j.era
	excused := e.excused()
	rate := stats.Rate{Mismatches: e.Mismatched - excused, Compared: e.Compared}
	j.out = report.Verdict{
		State: report.Met, Compared: e.Compared, Mismatched: rate.Mismatches, Excused: excused,
		Rate: share(rate.Mismatches, e.Compared), Upper: rate.Upper(),
		Gate: gate(j.config), LastCompared: e.LastCompared, Idle: j.idle(), RestsOn: j.resting(),
	}
	if stale {
		j.say(report.NotYet, "the table has other rules or targets by now, and nothing was compared by them yet")
	}
	j.blind()
	j.proved()
	j.exceeded()
	j.unanswered()
	j.ruled()
	j.unproven()
	if j.undecided != "" {
		j.say(report.NotYet, "%s", j.undecided)
	}
	rate.Mismatches -= min(rate.Mismatches, j.pending)
	j.counted(rate, stale)
	j.contradicted()
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

// blind says that requests come and nothing is compared, which the mirror sees, or
// nothing that proves anything.
func (j *judge) blind() {
	e := j.era
	silent := j.silent()
	switch {
	case j.config.Name == "": // no longer in the table: nothing is expected
	case j.alarm != "":
		j.say(report.Blind, "%s%s%s", j.alarm, mostly(e), unsafe(e))
	case e.LastCompared.IsZero() && e.Sampled > 0 && silent >= j.config.Silence:
		j.say(report.Blind, "nothing was compared for %s%s%s", span(silent), mostly(e), unsafe(e))
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

// silent is for how long nothing was compared.
func (j *judge) silent() time.Duration {
	last := j.era.LastCompared
	if last.IsZero() {
		if last = j.since; j.era.Number > 1 && j.era.Began.After(last) { // begun by hand
			last = j.era.Began
		}
	}
	return j.now.Sub(last)
}

// idle says for how long no request came to be compared: it is no fault, and
// what was found before holds, but a rollout does not go on by it. The mirror's alarm
// tells it from requests that come and are not compared.
func (j *judge) idle() string {
	if silent := j.silent(); j.config.Name != "" && j.alarm == "" && silent >= j.config.Silence {
		return fmt.Sprintf("no request came to be compared for %s", span(silent))
	}
	return ""
}

// unsafe is what to do where nothing is compared since what comes may change something.
func unsafe(e *Era) string {
	n := e.Whys[shadow.SkippedUnsafe.String()+"/method"]
	if e.Compared > 0 || n == 0 || 2*n < e.Sampled {
		return ""
	}
	return fmt.Sprintf("; %s of %s sampled requests may change something and were not mirrored: unsafe: dry_run in the route's shadow mirrors "+
		"them to a service that proves that it changes nothing for them", report.Number(n), report.Number(e.Sampled))
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
	beyond := func(certain uint64) bool {
		return below > 0 && certain >= leastMismatched && 1-evidence.UpperRate(j.era.Compared-certain, j.era.Compared) >= below
	}
	certain := j.era.certain()
	if !beyond(certain) {
		return
	}
	if may := j.unlearned(); may.mismatches > 0 && !beyond(certain-min(certain, may.mismatches)) {
		j.pending, j.out.NeededPairs, j.undecided = may.mismatches, may.pairs, may.text()
		return
	}
	j.beyond = true
	j.say(report.Failing, "there are certainly more mismatches than the gate lets pass")
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
// nothing weightier was said.
func (j *judge) counted(rate stats.Rate, said bool) {
	g := j.out.Gate
	missing, reason := uint64(0), ""
	if rate.Compared < g.Compared {
		missing = g.Compared - rate.Compared
		reason = "there are fewer comparisons than the gate asks for"
	}
	if g.MismatchBelow > 0 && rate.Upper() >= g.MismatchBelow {
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
	if j.out.Needed = missing; reason != "" && !said && !j.beyond && j.out.State != report.Blind {
		j.say(report.NotYet, "%s%s", reason, unsafe(j.era))
	}
}

// contradicted keeps a gate from being met, and a rollout from going on, beside a
// signature that alone is more than it lets pass and is not known to be the monolith's
// noise.
func (j *judge) contradicted() {
	below := j.out.Gate.MismatchBelow
	if below <= 0 {
		return
	}
	var names []string
	for i := range j.findings {
		s := j.signatures[j.findings[i].Path]
		low, _ := evidence.Wilson(min(s.Unbiased, j.era.Compared), j.era.Compared)
		if low >= below && s.judge(j.findings[i].Worse, j.era.Compared) != report.Noise {
			names = append(names, s.Signature.Signature)
		}
	}
	if len(names) == 0 {
		return
	}
	j.contradiction = "there are certainly more differences than the gate lets pass, and the monolith does not show them against itself, in " + listed(names)
	if j.out.State == report.Met {
		j.say(report.NotYet, "%s", j.contradiction)
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
