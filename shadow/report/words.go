package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Words are how a state reads.
func (s State) Words() string {
	switch s {
	case Met:
		return "gate met"
	case NotYet:
		return "not yet"
	case Failing:
		return "failing"
	case Blind:
		return "blind"
	default:
		return string(s)
	}
}

// Words say what a judgement means.
func (j Judgement) Words() string {
	switch j {
	case Worse:
		return "the service differs so certainly more often than the monolith does from itself"
	case Confirmed:
		return "asked again, the service differed so again, plainly more often than the monolith does from itself"
	case Open:
		return "not known whose fault it is, so it counts against the service: it has not come again, or could not be asked again, and the monolith does not differ from itself so, or less often; " +
			"look at a sample. One bad instance of several, a race and a stale cache look like this"
	case Noise:
		return "the monolith differs from itself so, too"
	default:
		return string(j)
	}
}

// judgements are those that a report has, the worst first.
func (r *Report) judgements() []Judgement {
	has := map[Judgement]bool{}
	for i := range r.Routes {
		for k := range r.Routes[i].Signatures {
			has[r.Routes[i].Signatures[k].Judgement] = true
		}
	}
	return slices.DeleteFunc([]Judgement{Worse, Confirmed, Open, Noise}, func(j Judgement) bool { return !has[j] })
}

// found says by what a sample's request is found in the logs.
func (s *Sample) found() string {
	var by []string
	for _, id := range [][2]string{{"request_id", s.RequestID}, {"trace_id", s.TraceID}} {
		if id[1] != "" {
			by = append(by, id[0]+" "+id[1])
		}
	}
	if len(by) == 0 {
		return "without an ID in the logs"
	}
	return strings.Join(by, ", ")
}

// line is text of which nothing can leave its line or steer a terminal.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// percent is a share with three digits that count.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'g', 3, 64) + " %" }

// Number is a count as people read it: with a comma between thousands.
func Number[N ~int | ~int64 | ~uint64](n N) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Counted is a count with what is counted: "1 mismatch", "2 mismatches".
func Counted[N ~int | ~int64 | ~uint64](n N, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "ch"):
		what += "es"
	default:
		what += "s"
	}
	return Number(n) + " " + what
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "no end"
	}
	return t.UTC().Format(time.DateOnly)
}

// millis is a time with three digits that count.
func millis(ms float64) string {
	if ms >= 999.5 {
		return strconv.FormatFloat(ms/1000, 'g', 3, 64) + " s"
	}
	return strconv.FormatFloat(ms, 'g', 3, 64) + " ms"
}

// standing is the verdict's numbers in one sentence.
func (v *Verdict) standing() string {
	text := fmt.Sprintf("%s in %s: at most %s (the gate: %s comparisons, below %s)", Counted(v.Mismatched, "mismatch"),
		Counted(v.Compared, "comparison"), percent(v.Upper), Number(v.Gate.Compared), percent(v.Gate.MismatchBelow))
	if v.Excused > 0 {
		text += fmt.Sprintf("; %s more did not come again, and the monolith differs from itself in the same places as often", Number(v.Excused))
	}
	return text
}

// split is what became of the comparisons.
func (c *Coverage) split() string {
	var parts []string
	for _, b := range c.Buckets {
		if !b.Compared || b.Count == 0 {
			continue
		}
		parts = append(parts, Number(b.Count)+" "+strings.ReplaceAll(b.Bucket, "_", " "))
	}
	if len(parts) == 0 {
		return ""
	}
	return "compared: " + strings.Join(parts, ", ")
}

// toGo is how long it still takes, empty when there is nothing to wait for.
func (v *Verdict) toGo() string {
	if v.State == Failing { // waiting will not help
		return ""
	}
	var wants []string
	if v.Needed > 0 {
		wants = append(wants, Counted(v.Needed, "more comparison")+" without a mismatch")
	}
	if v.NeededPairs > 0 {
		wants = append(wants, Counted(v.NeededPairs, "more pair"))
	}
	switch {
	case len(wants) == 0:
		return ""
	case len(wants) == 1 && v.Needed+v.NeededPairs == 1:
		return wants[0] + " meets it"
	}
	return strings.Join(wants, " and ") + " meet it"
}

// evidence says what a route's evidence is of, and how old it is; what to do about a
// build that is not known is in the route's advice.
func (r *Route) evidence() string {
	e := &r.Era
	if e.Number == 0 {
		return "nothing was compared yet"
	}
	named := func(build string) string {
		if build == "" {
			return "build not known"
		}
		return line(build)
	}
	return fmt.Sprintf("era %d since %s (%s): monolith %s, service %s; last compared %s",
		e.Number, moment(e.Began), line(e.Cause), named(e.Monolith), named(e.Service), moment(r.Verdict.LastCompared))
}

// seen says how often a signature was seen.
func (s *Signature) seen() string {
	text := fmt.Sprintf("%s, %s (%s–%s), %s confirmed", Counted(s.Count, "time"), percent(s.Rate), percent(s.Low), percent(s.High), Number(s.Confirmed))
	if s.Pairs > 0 {
		text += fmt.Sprintf("; the monolith from itself %s of %s pairs, p %s", percent(s.Noise), Number(s.Pairs), strconv.FormatFloat(s.P, 'g', 2, 64))
	}
	return text
}

// statuses are the pairs of statuses, the first few.
func (s *Signature) statuses() string {
	first := s.Statuses[:min(3, len(s.Statuses))]
	out := make([]string, 0, len(first))
	for _, p := range first {
		out = append(out, fmt.Sprintf("%d→%d ×%s", p.Monolith, p.Service, Number(p.Count)))
	}
	return strings.Join(out, ", ")
}

// uncovered are the buckets that hold something and are no comparison.
func (c *Coverage) uncovered() []Bucket {
	var out []Bucket
	for _, b := range c.Buckets {
		if b.Count > 0 && !b.Compared {
			out = append(out, b)
		}
	}
	return out
}

// why lists the reasons of a bucket.
func (b *Bucket) why() string {
	out := make([]string, 0, len(b.Why))
	for _, w := range b.Why {
		out = append(out, line(w.Name)+" "+Number(w.Count))
	}
	return strings.Join(out, ", ")
}

// noted are the rules that someone has to look at.
func noted(rules []Rule) []Rule {
	var out []Rule
	for _, r := range rules {
		if r.State == RuleExpired || r.State == RuleNeverHit || r.State == RuleExpiring {
			out = append(out, r)
		}
	}
	return out
}

// words say what is known of noise, on what evidence and since when.
func (n *Noisy) words() string {
	known := fmt.Sprintf("since %s, the monolith from itself in %s of %s pairs, the service in %s of %s comparisons",
		moment(n.Since), Number(n.Differed), Number(n.Pairs), percent(n.Service), Number(n.Compared))
	switch n.State {
	case NoiseBlind:
		return "blind spot: what the service says there is not known; " + known
	case NoiseExceeded:
		return "counts again: the service differs more often than the monolith; " + known
	default:
		return known
	}
}

func (r *Rule) words() string {
	text := fmt.Sprintf("%s %s", r.Path, r.Compare)
	if r.Arg != "" {
		text += " " + r.Arg
	}
	return line(text)
}

// fate is what became of a rule, in words.
func (r *Rule) fate() string {
	switch r.State {
	case RuleExpired:
		return "expired " + day(r.Until)
	case RuleExpiring:
		return "expires " + day(r.Until)
	case RuleNeverHit:
		return "never hit"
	case RuleUnproven:
		return "not hit yet"
	default:
		return "active"
	}
}

// shift is the latency in one sentence, empty when there is none.
func (l *Latency) shift() string {
	if l.Pairs == 0 {
		return ""
	}
	var out []string
	for _, q := range l.Quantiles {
		out = append(out, fmt.Sprintf("p%g %s → %s", 100*q.Quantile, millis(q.Monolith), millis(q.Service)))
	}
	return fmt.Sprintf("%s (monolith → service, %s pairs, %s first uses of a connection left out); the same request took %s times as long at the median, longer for %s",
		strings.Join(out, ", "), Number(l.Pairs), Number(l.Cold), strconv.FormatFloat(l.Ratio, 'g', 2, 64), percent(l.Slower))
}
