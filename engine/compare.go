package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// LoadTable is the one way from bytes to a table, for the server and the command
// line: routes.Load, and what only those who compare know of a table's rules. now
// tells which rules have ended. The table is nil when a problem is an error.
func LoadTable(file string, data []byte, now time.Time) (*routes.Table, routes.Problems) {
	table, problems := routes.Load(file, data)
	if table == nil {
		return nil, problems
	}
	for _, entry := range table.Routes() {
		problems = append(problems, compareProblems(file, table.Document(), entry.Route, now)...)
	}
	slices.SortStableFunc(problems, func(a, b routes.Problem) int { return cmp.Compare(a.Line, b.Line) })
	if problems.Err() != nil {
		return nil, problems
	}
	return table, problems
}

// compareProblems are the rules of one route that cannot be used or have ended.
func compareProblems(file string, doc *routes.Document, r *routes.Route, now time.Time) (problems routes.Problems) {
	if r.Shadow == nil {
		return nil
	}
	add := func(line int, code string, severity routes.Severity, text, message, hint string) {
		problems = append(problems, routes.Problem{
			Code: code, Severity: severity, File: file, Line: max(line, 1), Column: 1,
			Route: r.Name, Text: text, Message: message, Hint: hint,
		})
	}
	for _, rule := range r.Shadow.AllRules() {
		one := diffRule(rule)
		if _, err := diff.New(diff.Options{Rules: []diff.Rule{one}}); err != nil {
			add(rule.Line, routes.CodeBadRule, routes.Error, rule.Path, err.Error(), "see the paths and comparators in the reference of route tables")
		}
		if one.Expired(now) {
			add(rule.Line, routes.CodeRuleExpired, routes.Warning, rule.Path, "the rule ended on "+rule.Until.Format(time.DateOnly)+", so it excuses nothing",
				"ask "+rule.Owner+" whether it is still right, then remove it or give it a later until")
		}
	}
	if asked := askedBeside(doc, r); asked != nil && len(asked.URLs) == 0 {
		add(r.Line, routes.CodeUnusableTarget, routes.Error, asked.Name, "the shadow of this route is a target without url: a site's block only serves clients",
			"give target "+asked.Name+" a url")
	}
	for _, path := range r.Shadow.Clear {
		if query, _ := strings.CutPrefix(path, "request.query."); path == "request.path" || query != path && query != "" {
			continue // of the request, not of an answer
		}
		if _, err := diff.New(diff.Options{Rules: []diff.Rule{{Path: path, Compare: "ignore", Because: "clear", Owner: "clear"}}}); err != nil {
			add(r.Line, routes.CodeBadRule, routes.Error, path, "clear: "+err.Error(), "write a path such as $.status, or request.path, or request.query.NAME")
		}
	}
	return problems
}

func diffRule(r *routes.ShadowRule) diff.Rule {
	compare, arg := r.Comparator()
	return diff.Rule{Path: r.Path, Compare: compare, Arg: arg, Because: r.Because, Owner: r.Owner, Until: r.Until}
}

// askedBeside is the target that a route's shadow is; nil when there is none.
func askedBeside(doc *routes.Document, r *routes.Route) *routes.Target {
	switch {
	case shadowOf(r) == "":
		return nil
	case r.Shadow.Reverse:
		return doc.Targets[doc.Monolith]
	}
	return doc.Targets[shadowOf(r)]
}

// CompareOptions are how the answers of a route are compared: its rules as package
// diff has them.
func CompareOptions(s *routes.Shadow) diff.Options {
	o := diff.Options{Presets: s.Presets, Headers: s.Headers}
	for _, rule := range s.AllRules() {
		o.Rules = append(o.Rules, diffRule(rule))
	}
	// An answer's decoded body may be some times as large as what is kept of it.
	o.Limits.Bytes = 4 * int(s.Body)
	return o
}
