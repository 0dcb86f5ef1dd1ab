package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Markdown writes the report for a ticket or a merge request (GitHub's flavour).
// Foreign text stands in code spans and tables, where none of it is markup.
func Markdown(w io.Writer, r *Report) error {
	m := &markdownWriter{bufio.NewWriter(w)}
	m.line("# Shadow report, %s\n", moment(r.At))
	for _, notice := range r.Notices {
		m.line("> %s\n", prose(notice))
	}
	for i := range r.Routes {
		m.route(&r.Routes[i])
	}
	m.legend(r)
	return m.out.Flush()
}

type markdownWriter struct{ out *bufio.Writer }

// line writes a line; an error stays with the buffer until Flush.
func (m *markdownWriter) line(format string, args ...any) {
	_, _ = fmt.Fprintf(m.out, format+"\n", args...)
}

// markup are the characters that mean something in Markdown or HTML.
var markup = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	"|", `\|`, "#", `\#`, "~", `\~`, "!", `\!`, "@", "&#64;", "://", "&#58;//",
)

// prose is text without markup.
func prose(s string) string { return markup.Replace(line(s)) }

// code is a code span that ends where it should, also within a table
// (CommonMark 0.31.2, 6.1; GFM 4.10).
func code(s string) string {
	s = strings.ReplaceAll(line(s), "|", `\|`)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 || s == "" {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

func (m *markdownWriter) route(r *Route) {
	v := &r.Verdict
	m.line("## %s: %s\n", prose(r.Route), v.State.Words())
	for _, reason := range v.Reasons {
		m.line("- %s", prose(reason))
	}
	if len(v.Reasons) > 0 {
		m.line("")
	}
	m.line("%s. %s\n", v.standing(), v.toGo())
	if split := r.Coverage.split(); split != "" {
		m.line("%s\n", split)
	}
	if v.RestsOn != "" {
		m.line("%s\n", prose(v.RestsOn))
	}
	if v.Idle != "" {
		m.line("Idle: %s\n", prose(v.Idle))
	}
	m.line("%s\n", prose(r.evidence()))
	for _, advice := range r.Advice {
		m.line("Set up: %s\n", prose(advice))
	}
	m.signatures(r)
	m.noise(r.Noise)
	m.coverage(&r.Coverage)
	m.rules(r.Rules)
	if shift := r.Latency.shift(); shift != "" {
		m.line("### Latency\n\n%s\n", shift)
	}
	if len(r.Earlier) > 0 {
		m.line("### Earlier eras\n\n| era | began | cause | compared | mismatches |\n|---|---|---|---:|---:|")
		for _, e := range r.Earlier {
			m.line("| %d | %s | %s | %s | %s |", e.Number, moment(e.Began), prose(e.Cause), Number(e.Compared), Number(e.Mismatched))
		}
		m.line("")
	}
}

func (m *markdownWriter) signatures(r *Route) {
	if len(r.Signatures) == 0 {
		return
	}
	m.line("### Signatures\n\n| | signature | seen | statuses | first | last |\n|---|---|---|---|---|---|")
	for i := range r.Signatures {
		s := &r.Signatures[i]
		m.line("| %s | %s | %s | %s | %s | %s |", s.Judgement, code(s.Signature), s.seen(), s.statuses(), moment(s.FirstSeen), moment(s.LastSeen))
	}
	if r.MoreSignatures > 0 {
		m.line("\nand %d more.", r.MoreSignatures)
	}
	m.line("")
	for i := range r.Signatures {
		if s := &r.Signatures[i]; s.Sample != nil {
			m.sample(s)
		}
	}
}

func (m *markdownWriter) sample(of *Signature) {
	s := of.Sample
	m.line("<details><summary>Sample of %s</summary>\n", prose(of.Signature))
	m.line("%s, %s, %s, monolith %d in %s, service %d in %s\n", code(s.Method+" "+s.Target), moment(s.At), code(s.found()),
		s.Monolith.Status, millis(s.Monolith.Took), s.Service.Status, millis(s.Service.Took))
	m.line("| | path | kind | monolith | service |\n|---|---|---|---|---|")
	for _, p := range s.Parts {
		own := ""
		if p.Own {
			own = "**→**"
		}
		m.line("| %s | %s | %s | %s | %s |", own, code(p.Path), prose(p.Kind), code(p.Monolith), code(p.Service))
	}
	if s.More > 0 {
		m.line("\nand %d more.", s.More)
	}
	m.line("\n%s\n\n</details>\n", code(s.Curl))
}

// legend says what the judgements mean that the report has.
func (m *markdownWriter) legend(r *Report) {
	for i, j := range r.judgements() {
		if i == 0 {
			m.line("## What the words mean\n")
		}
		m.line("- %s: %s", j, prose(j.Words()))
	}
}

func (m *markdownWriter) noise(noise []Noisy) {
	if len(noise) == 0 {
		return
	}
	m.line("### Noise that was learned\n\n| place | | rule |\n|---|---|---|")
	for i := range noise {
		m.line("| %s | %s | %s |", code(noise[i].Place), prose(noise[i].words()), code(noise[i].Rule))
	}
	m.line("")
}

func (m *markdownWriter) coverage(c *Coverage) {
	m.line("### Coverage\n\n%s sampled, and %s beside for being rare.\n\n| bucket | count | share | why |\n|---|---:|---:|---|", Number(c.Sampled), Number(c.Rare))
	for i := range c.Buckets {
		if b := &c.Buckets[i]; b.Count > 0 {
			m.line("| %s | %s | %s | %s |", prose(b.Bucket), Number(b.Count), percent(b.Share), prose(b.why()))
		}
	}
	m.line("")
}

func (m *markdownWriter) rules(rules []Rule) {
	if len(rules) == 0 {
		return
	}
	m.line("### Rules\n\n| rule | owner | because | hits | |\n|---|---|---|---:|---|")
	for i := range rules {
		r := &rules[i]
		m.line("| %s | %s | %s | %s | %s |", code(r.words()), prose(r.Owner), prose(r.Because), Number(r.Hits), r.fate())
	}
	m.line("")
}
