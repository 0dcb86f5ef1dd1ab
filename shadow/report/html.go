package report

import (
	_ "embed" // the page
	"html/template"
	"io"
)

//go:embed report.html
var page string

// pageTemplate escapes every value by its place (html/template).
var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"moment": moment, "percent": percent, "millis": millis, "line": line,
	"count":      func(n uint64) string { return Number(n) },
	"words":      State.Words,
	"standing":   func(v Verdict) string { return v.standing() },
	"toGo":       func(v Verdict) string { return v.toGo() },
	"split":      func(c Coverage) string { return c.split() },
	"found":      func(s Sample) string { return s.found() },
	"judgements": func(r *Report) []Judgement { return r.judgements() },
	"evidence":   func(r Route) string { return r.evidence() },
	"seen":       func(s Signature) string { return s.seen() },
	"statuses":   func(s Signature) string { return s.statuses() },
	"why":        func(b Bucket) string { return b.why() },
	"rule":       func(r Rule) string { return r.words() },
	"noisy":      func(n Noisy) string { return n.words() },
	"fate":       func(r Rule) string { return r.fate() },
	"shift":      func(l Latency) string { return l.shift() },
	"width":      func(share float64) int { return int(100*share + 0.5) },
}).Parse(page))

// HTML writes the report as one file that needs no other file, no script and no
// network: its own policy forbids them.
func HTML(w io.Writer, r *Report) error { return pageTemplate.Execute(w, r) }
