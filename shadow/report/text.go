package report

import (
	"bufio"
	"fmt"
	"io"
)

// Text writes the report for a terminal, in colour where it is asked for.
func Text(w io.Writer, r *Report, colour bool) error {
	t := &textWriter{out: bufio.NewWriter(w), colour: colour}
	for _, notice := range r.Notices {
		t.line("%s %s", t.paint(yellow, "notice:"), line(notice))
	}
	for i := range r.Routes {
		if i > 0 || len(r.Notices) > 0 {
			t.line("")
		}
		t.route(&r.Routes[i])
	}
	if len(r.Routes) == 0 {
		t.line("no route is shadowed, and none has evidence")
	}
	t.legend(r)
	return t.out.Flush()
}

// Colours of ECMA-48, 8.3.117.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	faint  = "2"
)

type textWriter struct {
	out    *bufio.Writer
	colour bool
}

// line writes a line; an error stays with the buffer until Flush.
func (t *textWriter) line(format string, args ...any) {
	_, _ = fmt.Fprintf(t.out, format+"\n", args...)
}

func (t *textWriter) paint(code, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (t *textWriter) state(s State) string {
	switch s {
	case Met:
		return t.paint(green, s.Words())
	case NotYet:
		return t.paint(yellow, s.Words())
	default:
		return t.paint(red, s.Words())
	}
}

// maxTextRules is how many rules fit beside what matters more.
const maxTextRules = 5

func (t *textWriter) route(r *Route) {
	v := &r.Verdict
	t.line("%s: %s", t.paint(bold, line(r.Route)), t.state(v.State))
	for _, reason := range v.Reasons {
		t.line("  - %s", line(reason))
	}
	t.line("  %s", v.standing())
	if split := r.Coverage.split(); split != "" {
		t.line("  %s", split)
	}
	if v.RestsOn != "" {
		t.line("  %s", t.paint(yellow, line(v.RestsOn)))
	}
	if v.Idle != "" {
		t.line("  idle: %s", v.Idle)
	}
	if togo := v.toGo(); togo != "" {
		t.line("  %s", togo)
	}
	t.line("  %s", r.evidence())
	for _, advice := range r.Advice {
		t.line("  %s %s", t.paint(yellow, "set up:"), line(advice))
	}
	if r.Reverse {
		t.line("  reverse: the service serves, the monolith is the shadow")
	}
	t.signatures(r)
	t.noise(r.Noise)
	t.coverage(&r.Coverage)
	if rules := noted(r.Rules); len(rules) > 0 {
		t.line("  rules to look at")
		for i := range rules[:min(maxTextRules, len(rules))] {
			t.line("    %s (%s): %s, %s hits, because %s", rules[i].words(), line(rules[i].Owner), rules[i].fate(), Number(rules[i].Hits), line(rules[i].Because))
		}
		if more := len(rules) - maxTextRules; more > 0 {
			t.line("    and %d more: strangler shadow rules --route %s", more, line(r.Route))
		}
	}
	if shift := r.Latency.shift(); shift != "" {
		t.line("  latency: %s", shift)
	}
	for i := range r.Earlier {
		e := &r.Earlier[i]
		kept := ""
		if e.Samples > 0 {
			kept = fmt.Sprintf("; strangler shadow samples --route %s --era %d has %s", line(r.Route), e.Number, Number(e.Samples))
		}
		t.line("  %s", t.paint(faint, fmt.Sprintf("earlier: era %d since %s (%s): %s of %s compared were mismatches%s",
			e.Number, moment(e.Began), line(e.Cause), Number(e.Mismatched), Number(e.Compared), kept)))
	}
}

func (t *textWriter) signatures(r *Route) {
	for i := range r.Signatures {
		s := &r.Signatures[i]
		mark := t.paint(red, string(s.Judgement))
		if s.Judgement == Noise || s.Judgement == Open {
			mark = t.paint(faint, string(s.Judgement))
		}
		t.line("  %d. %s  %s", i+1, t.paint(bold, line(s.Signature)), mark)
		t.line("     %s", s.seen())
		t.line("     %s … %s  %s", moment(s.FirstSeen), moment(s.LastSeen), s.statuses())
		if s.Sample != nil {
			t.sample(s.Sample)
		}
	}
	if r.MoreSignatures > 0 {
		t.line("  and %d more signatures", r.MoreSignatures)
	}
}

func (t *textWriter) noise(noise []Noisy) {
	if len(noise) > 0 {
		t.line("  noise that was learned: what differs there alone counts as noise without being asked again")
	}
	for i := range noise {
		n := &noise[i]
		t.line("    %s", t.paint(bold, line(n.Place)))
		t.line("      %s", n.words())
		if n.Rule != "" {
			t.line("      ignore: %s", t.paint(faint, line(n.Rule)))
		}
	}
}

// legend says what the judgements mean that the report has.
func (t *textWriter) legend(r *Report) {
	for i, j := range r.judgements() {
		if i == 0 {
			t.line("")
		}
		t.line("%s: %s", j, j.Words())
	}
}

// TextSamples writes samples for a terminal, in colour where it is asked for.
func TextSamples(w io.Writer, samples []Kept, colour bool) error {
	t := &textWriter{out: bufio.NewWriter(w), colour: colour}
	for i := range samples {
		t.line("%d. %s", i+1, t.paint(bold, line(samples[i].Signature)))
		t.sample(&samples[i].Sample)
	}
	return t.out.Flush()
}

// maxTextParts is how many differences of a sample fit a terminal.
const maxTextParts = 5

func (t *textWriter) sample(s *Sample) {
	t.line("     %s %s  monolith %d in %s, service %d in %s", line(s.Method), line(s.Target),
		s.Monolith.Status, millis(s.Monolith.Took), s.Service.Status, millis(s.Service.Took))
	t.line("     %s  %s", moment(s.At), line(s.found()))
	for i := range s.Parts[:min(maxTextParts, len(s.Parts))] {
		p := &s.Parts[i]
		mark := " "
		if p.Own {
			mark = ">"
		}
		t.line("     %s %s %s", mark, line(p.Path), line(p.Kind))
		t.line("         %s %s", t.paint(red, "monolith"), line(p.Monolith))
		t.line("         %s  %s", t.paint(green, "service"), line(p.Service))
	}
	if more := max(0, len(s.Parts)-maxTextParts) + s.More; more > 0 {
		t.line("       and %d more", more)
	}
	t.line("     %s", t.paint(faint, line(s.Curl)))
}

func (t *textWriter) coverage(c *Coverage) {
	t.line("  sampled %s, and %s beside for being rare", Number(c.Sampled), Number(c.Rare))
	for _, b := range c.uncovered() {
		why := b.why()
		if why != "" {
			why = " (" + why + ")"
		}
		t.line("    not compared: %s %s, %s%s", b.Bucket, Number(b.Count), percent(b.Share), why)
	}
}
