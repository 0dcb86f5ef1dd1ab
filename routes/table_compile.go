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
		doc:     doc,
		entries: make([]*Entry, len(doc.Routes)),
		byName:  make(map[string]*Entry, len(doc.Routes)),
		hosts:   map[string]*node{},
		anyHost: &node{},
	}
	c := compiler{table: t, regexps: map[string]*regexp.Regexp{}, numbers: map[source]int{}}
	rules := make([]rule, 0, len(doc.Routes))
	for i, route := range doc.Routes {
		e := c.compileEntry(i, route)
		t.entries[i] = e
		t.byName[route.Name] = e
		rules = e.appendRules(rules)
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	slices.SortFunc(rules, rule.compare)
	heads, sizes := join(rules)
	if problems := conflicts(heads); len(problems) > 0 {
		return nil, problems
	}
	for i, head := range heads {
		c.insert(head, rules[:sizes[i]])
		rules = rules[sizes[i]:]
	}
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
	return cmp.Or(
		r.comparePattern(other),
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

// join finds the rules of one pattern among sorted ones: the first of each, and
// how many they are.
func join(rules []rule) (heads []rule, sizes []int) {
	for i, r := range rules {
		if i == 0 || r.comparePattern(rules[i-1]) != 0 {
			heads = append(heads, r)
			sizes = append(sizes, 0)
		}
		sizes[len(sizes)-1]++
	}
	return heads, sizes
}

// insert adds the rules of one pattern, of which head is the first, to the tree.
func (c *compiler) insert(head rule, rules []rule) {
	n := c.root(head.host)
	for _, s := range head.segments {
		switch s.kind {
		case segSlash:
			n.slash = newGroup(rules, n.slash)
			return
		case segRest:
			n.rest = newGroup(rules, n.rest)
			return
		case segWild:
			if n.wild == nil {
				n.wild = &node{}
			}
			n = n.wild
		case segLiteral:
			n = c.literal(n, s.text)
		}
	}
	n.end = newGroup(rules, n.end)
}

// root is the node of a host, which it makes when there is none.
func (c *compiler) root(host string) *node {
	if host == "" {
		return c.table.anyHost
	}
	n := c.table.hosts[host]
	if n == nil {
		n = &node{}
		c.table.hosts[host] = n
	}
	return n
}

func newGroup(rules []rule, next *group) *group {
	g := &group{method: rules[0].method, entries: make([]*Entry, len(rules)), next: next}
	for i, r := range rules {
		g.entries[i] = r.entry
	}
	g.index = newIndex(g.entries)
	if len(g.entries[0].tests) == 0 {
		g.sure = g.entries[0]
	}
	return g
}

// literal is the child of n for a literal segment, which it makes when there is
// none.
func (c *compiler) literal(n *node, text string) *node {
	if n.child == nil {
		n.text, n.child = text, &node{}
		return n.child
	}
	if n.text == text {
		return n.child
	}
	if n.number == 0 {
		c.parents++
		n.number = c.parents
	}
	t := c.table
	if 2*(c.edges+1) > len(t.literals) {
		t.literals = t.literals.grown()
	}
	e := t.literals.slot(n, text)
	if e.child == nil {
		c.edges++
		*e = edge{parent: n, child: &node{}, text: text}
	}
	return e.child
}

// compiler holds what is shared between entries while a table is made.
type compiler struct {
	table    *Table
	regexps  map[string]*regexp.Regexp
	numbers  map[source]int // by place in table.sources
	problems Problems

	edges   int    // in table.literals
	parents uint32 // nodes with edges there
}

// compileEntry compiles one route; what is wrong goes to the problems, although
// Parse should have found it.
func (c *compiler) compileEntry(index int, route *Route) *Entry {
	e := &Entry{Index: index, Route: route}
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
	return e
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
