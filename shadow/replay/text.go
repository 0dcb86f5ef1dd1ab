package replay

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// words are how verdicts read, in the order in which they are printed.
var words = []struct {
	verdict Verdict
	text    string
}{
	{Different, "different"},
	{Failed, "without an answer"},
	{Undecided, "undecided: the values that differed are redacted in the case"},
	{NotComparable, "not comparable"},
	{SkippedIncomplete, "not sent: something of the request is not kept"},
	{SkippedUnsafe, "not sent: the method may change something (--unsafe sends it)"},
	{EqualRedacted, "equal as far as is known: of redacted values only the types were compared"},
	{EqualByRule, "equal by a rule"},
	{Equal, "equal"},
}

// Colours of ECMA-48, 8.3.117.
const (
	red   = "31"
	green = "32"
	bold  = "1"
	faint = "2"
)

// Text writes the result for a terminal, in colour where it is asked for.
func Text(w io.Writer, r *Result, colour bool) error {
	t := &textWriter{bufio.NewWriter(w), colour}
	verdict := t.paint(red, "not shown to be equal")
	switch {
	case r.Clean() && r.Verdicts[EqualRedacted] > 0:
		verdict = t.paint(green, "equal as far as is known")
	case r.Clean():
		verdict = t.paint(green, "equal")
	case r.Verdicts[Different] > 0:
		verdict = t.paint(red, "not equal")
	case r.Unanswered():
		verdict = t.paint(red, "no answer")
	case r.Replayed == 0:
		verdict = t.paint(red, "nothing was sent")
	}
	with := ""
	if r.Against != "" {
		with = " with " + line(r.Against)
	}
	t.line("%s%s: %s%s %d of %d replayed", line(r.Target), with, verdict, r.unproved(), r.Replayed, r.Exchanges)
	if r.Interrupted {
		t.line("%s", t.paint(red, "interrupted: what follows is of what was done"))
	}
	for _, w := range words {
		if n := r.Verdicts[w.verdict]; n > 0 {
			t.line("  %6d  %s", n, w.text)
		}
	}
	for i := range r.Signatures {
		t.signature(i+1, &r.Signatures[i])
	}
	for i := range r.Notes {
		n := &r.Notes[i]
		t.line("%s %s: %s %s", n.Verdict, line(n.Name), line(n.Method+" "+n.Target), t.paint(faint, line(n.Why)))
		last := i+1 == len(r.Notes) || r.Notes[i+1].Verdict != n.Verdict
		if more := r.Verdicts[n.Verdict] - maxNotes; last && more > 0 {
			t.line("%s: %d more", n.Verdict, more)
		}
	}
	return t.out.Flush()
}

// unproved is what stands in the headline between the verdict and the numbers: how many
// exchanges say nothing of the target, and why.
func (r *Result) unproved() string {
	var parts []string
	for _, of := range []struct {
		verdict   Verdict
		word, why string
	}{
		{SkippedIncomplete, "left out", "something of the request is redacted or not kept"},
		{SkippedUnsafe, "left out", "the method may change something"},
		{Undecided, "undecided", "what differed is redacted"},
	} {
		if n := r.Verdicts[of.verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d (%s)", of.word, n, of.why))
		}
	}
	if len(parts) == 0 {
		return ","
	}
	return "; " + strings.Join(parts, ", ") + ";"
}

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

func (t *textWriter) signature(n int, s *Signature) {
	e := &s.Example
	t.line("%d. %s  ×%d", n, t.paint(bold, line(s.Signature)), s.Count)
	t.line("   %s: %s, expected %d, got %d", line(e.Name), line(e.Method+" "+e.Target), e.Expected, e.Got)
	if e.Path != "" {
		t.line("   %s", line(e.Path))
	}
	t.line("   %s %s", t.paint(green, "expected"), line(e.ExpectedValue))
	t.line("   %s      %s", t.paint(red, "got"), line(e.GotValue))
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
