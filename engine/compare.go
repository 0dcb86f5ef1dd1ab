package engine

import (
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// LoadTable is the one way from bytes to a table, for the server and the command
// line: routes.Load, and what only those who compare know of a table's rules. now
// tells which rules have ended. The table is nil when a problem is an error.
func LoadTable(file string, data []byte, now time.Time) (*routes.Table, routes.Problems) {
	return routes.Load(file, data, func(doc *routes.Document) (problems routes.Problems) {
		for _, r := range doc.Routes {
			problems = append(problems, compareProblems(doc, r, now)...)
		}
		return problems
	})
}

// compareProblems are the rules of one route that cannot be used or have ended.
func compareProblems(doc *routes.Document, r *routes.Route, now time.Time) (problems routes.Problems) {
	if r.Shadow == nil {
		return nil
	}
	add := func(at routes.Place, code string, severity routes.Severity, text, message, hint string) {
		problems = append(problems, routes.Problem{
			Code: code, Severity: severity, Line: at.Line, Column: at.Column,
			Route: r.Name, Text: text, Message: message, Hint: hint,
		})
	}
	for _, rule := range r.Shadow.AllRules() {
		if at, err := ruleError(rule); err != nil {
			add(at, routes.CodeBadRule, routes.Error, rule.Path, err.Error(), "see the paths and comparators in the reference of route tables")
		}
		if one := diffRule(rule); one.Expired(now) {
			add(rule.UntilPlace(), routes.CodeRuleExpired, routes.Warning, rule.Path, "the rule ended on "+rule.Until.Format(time.DateOnly)+", so it excuses nothing",
				"ask "+rule.Owner+" whether it is still right, then remove it or give it a later until")
		}
	}
	if asked := askedBeside(doc, r); asked != nil && len(asked.URLs) == 0 {
		add(r.Shadow.Place(), routes.CodeUnusableTarget, routes.Error, asked.Name, "the shadow of this route is a target without url: a site's block only serves clients",
			"give target "+asked.Name+" a url")
	}
	for i, path := range r.Shadow.Clear {
		if query, _ := strings.CutPrefix(path, "request.query."); path == "request.path" || query != path && query != "" {
			continue // of the request, not of an answer
		}
		if err := pathError(path); err != nil {
			add(r.Shadow.ClearPlace(i), routes.CodeBadRule, routes.Error, path, "clear: "+err.Error(), "write a path such as $.status, or request.path, or request.query.NAME")
		}
	}
	return problems
}

// ruleError is why a rule cannot be used, and where that stands. What could not be
// read of it, and a field that is missing, has been said.
func ruleError(rule *routes.ShadowRule) (at routes.Place, err error) {
	if rule.Path == "" {
		return at, nil
	}
	if err := pathError(rule.Path); err != nil {
		return rule.PathPlace(), err
	}
	one := diffRule(rule)
	if one.Compare == "" || one.Because == "" || one.Owner == "" {
		return at, nil
	}
	_, err = diff.New(diff.Options{Rules: []diff.Rule{one}})
	return rule.WayPlace(), err
}

// pathError is why a path of answers cannot be used.
func pathError(path string) error {
	_, err := diff.New(diff.Options{Rules: []diff.Rule{{Path: path, Compare: "ignore", Because: "checked", Owner: "checked"}}})
	return err
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
