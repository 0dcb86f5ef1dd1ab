package routes

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// rule is one ServeMux pattern: a route has one for each of its methods.
type rule struct {
	host, method string
	segments     []segment
	entry        *Entry
}

// Compile makes a table of a document that Parse has checked. Its problems are
// patterns that conflict: both match some requests and neither is more
// specific. The table is nil when there are any. Routes that share a pattern do
// not conflict: the one with more conditions is asked first, then the one that
// stands first in the document.
func Compile(doc *Document) (*Table, Problems) {
	t := &Table{
		doc:      doc,
		compiled: make([]Entry, len(doc.Routes)),
		entries:  make([]*Entry, len(doc.Routes)),
		byName:   make(map[string]*Entry, len(doc.Routes)),
	}
	c := compiler{table: t, regexps: map[string]*regexp.Regexp{}, numbers: map[source]int{}}
	rules := make([]rule, 0, len(doc.Routes))
	for i, route := range doc.Routes {
		e := &t.compiled[i]
		c.compileEntry(e, i, route)
		t.entries[i] = e
		t.byName[route.Name] = e
		rules = e.appendRules(rules)
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	slices.SortFunc(rules, rule.compare)
	if problems := conflicts(heads(rules)); len(problems) > 0 {
		return nil, problems
	}
	t.tree, t.hosts = pack(rules)
	return t, nil
}

// rules are the entry's patterns, one for each method.
func (e *Entry) rules() []rule { return e.appendRules(nil) }

// appendRules appends the entry's rules. HEAD beside GET is left out: GET
// includes it, and a rule of its own would be more specific than GET.
func (e *Entry) appendRules(rules []rule) []rule {
	one := rule{host: e.pattern.host, method: e.pattern.method, segments: e.pattern.segments, entry: e}
	if len(e.Route.Methods) == 0 {
		return append(rules, one)
	}
	for _, method := range e.Route.Methods {
		if method == http.MethodHead && slices.Contains(e.Route.Methods, http.MethodGet) {
			continue
		}
		one.method = method
		rules = append(rules, one)
	}
	return rules
}

// compare sorts by pattern, and rules of one pattern in the order they are asked.
func (r rule) compare(other rule) int {
	return cmp.Or(r.comparePattern(other), r.compareWithin(other))
}

// compareWithin sorts the rules of one pattern in the order they are asked.
func (r rule) compareWithin(other rule) int {
	return cmp.Or(
		cmp.Compare(len(other.entry.tests), len(r.entry.tests)),
		cmp.Compare(r.entry.Index, other.entry.Index),
	)
}

// comparePattern is 0 when both match the same requests. Within one host and
// method, the rules that share their first segments stand together: first the
// one that ends there, then /{$}, the rest, wildcards, literals.
func (r rule) comparePattern(other rule) int {
	if c := strings.Compare(r.host, other.host); c != 0 {
		return c
	}
	if c := strings.Compare(r.method, other.method); c != 0 {
		return c
	}
	return slices.CompareFunc(r.segments, other.segments, segment.compare)
}

// compare is 0 when both match the same text: names of wildcards do not count.
func (s segment) compare(other segment) int {
	if s.kind != other.kind || s.kind != segLiteral {
		return cmp.Compare(s.kind, other.kind)
	}
	return strings.Compare(s.text, other.text)
}

// heads are the first of the rules of each pattern, among sorted ones.
func heads(rules []rule) (first []rule) {
	for i, r := range rules {
		if i == 0 || r.comparePattern(rules[i-1]) != 0 {
			first = append(first, r)
		}
	}
	return first
}

// compiler holds what is shared between entries while a table is made.
type compiler struct {
	table    *Table
	regexps  map[string]*regexp.Regexp
	numbers  map[source]int // by place in table.sources
	problems Problems
}

// compileEntry compiles one route; what is wrong goes to the problems, although
// Parse should have found it.
func (c *compiler) compileEntry(e *Entry, index int, route *Route) {
	e.Index, e.Route = index, route
	var errs [3]error
	e.pattern, errs[0] = parsePattern(route.Match)
	if errs[0] == nil {
		e.rewrite, errs[1] = parseRewrite(route.Rewrite, e.pattern)
	}
	e.tests, errs[2] = c.compileTests(route.When)
	if err := errors.Join(errs[:]...); err != nil {
		c.problems = append(c.problems, Problem{
			Code: codeBadRoute, Severity: Error, Line: route.Line, Route: route.Name,
			Text: route.Match, Message: err.Error(),
		})
	}
}

// number is the place of a source in the table.
func (c *compiler) number(s source) int {
	n, known := c.numbers[s]
	if !known {
		n = len(c.table.sources)
		c.numbers[s] = n
		c.table.sources = append(c.table.sources, s)
	}
	return n
}

// regexp compiles each expression once.
func (c *compiler) regexp(text string) (*regexp.Regexp, error) {
	if re := c.regexps[text]; re != nil {
		return re, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", text, err)
	}
	c.regexps[text] = re
	return re, nil
}
