package routes

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// maxConflicts is how many conflicts are reported: in a table that is wrong all
// over there can be as many as pairs of routes.
const maxConflicts = 100

// Two rules of one host conflict when some request matches both and neither is
// more specific: one path is more specific in one segment and less in another,
// or it is more specific and its method less (ServeMux's rule). Sorted rules
// that share their first segments stand together, so a slice of them is a node
// of a tree; the tree is walked against itself, only along nodes that have a
// path in common. That takes about as long as the table is big, where comparing
// each rule with each would take its square.

// relation is how the rules of one slice stand to those of another, by method
// and the segments so far.
type relation uint8

const (
	same     relation = iota // they are the same slice
	general                  // the first ones match more
	crossing                 // each matches something the other does not
)

// crossings is the walk and what it found.
type crossings struct {
	found    map[[2]int]bool // pairs of entries reported
	problems Problems
}

// conflicts finds the conflicts between sorted rules of which no two match the
// same requests.
func conflicts(rules []rule) Problems {
	c := crossings{found: map[[2]int]bool{}}
	for len(rules) > 0 {
		n := run(rules, func(r rule) bool { return r.host == rules[0].host })
		c.host(rules[:n])
		rules = rules[n:]
	}
	return c.problems
}

// host looks for conflicts between the rules of one host.
func (c *crossings) host(rules []rule) {
	byMethod := map[string][]rule{}
	for len(rules) > 0 {
		method := rules[0].method
		n := run(rules, func(r rule) bool { return r.method == method })
		byMethod[method] = rules[:n]
		rules = rules[n:]
		c.walk(byMethod[method], byMethod[method], 0, same)
		if method != "" { // the rules of every method sort first
			c.walk(byMethod[""], byMethod[method], 0, general)
		}
	}
	c.walk(byMethod[http.MethodGet], byMethod[http.MethodHead], 0, general)
}

// run is how many of the first rules belong together. It doubles its steps:
// most runs are short.
func run(rules []rule, together func(rule) bool) int {
	step := 1
	for step < len(rules) && together(rules[step]) {
		step *= 2
	}
	from := step / 2
	return from + sort.Search(min(step, len(rules))-from, func(i int) bool { return !together(rules[from+i]) })
}

// branches are the rules of a slice by their segment at a depth.
type branches struct {
	end, slash, rest []rule // one each for each method
	deeper           []rule // wild and literals
	wild, literals   []rule
}

func branch(rules []rule, depth int) (b branches) {
	take := func(belongs func(rule) bool) []rule {
		n := 0
		if len(rules) > 0 && belongs(rules[0]) {
			n = run(rules, belongs)
		}
		taken := rules[:n]
		rules = rules[n:]
		return taken
	}
	b.end = take(func(r rule) bool { return len(r.segments) == depth })
	b.slash = take(func(r rule) bool { return r.segments[depth].kind == segSlash })
	b.rest = take(func(r rule) bool { return r.segments[depth].kind == segRest })
	b.deeper = rules
	b.wild = take(func(r rule) bool { return r.segments[depth].kind == segWild })
	b.literals = rules
	return b
}

// walk looks for conflicts between rules of a and of b, which match the same
// paths up to depth, and there stand in the relation given.
func (c *crossings) walk(a, b []rule, depth int, is relation) {
	if len(a) == 0 || len(b) == 0 || len(c.problems) >= maxConflicts {
		return
	}
	x, y := branch(a, depth), branch(b, depth)
	c.walk(x.wild, y.wild, depth+1, is)
	c.common(x.literals, y.literals, depth, is)
	c.each(x.wild, y.literals, depth, max(is, general))
	switch is {
	case same: // it is more specific all along
	case general:
		c.each(y.wild, x.literals, depth, crossing)
		c.report(y.rest, x.slash)
		c.report(y.rest, x.deeper)
	case crossing:
		c.each(y.wild, x.literals, depth, crossing)
		for _, one := range [][2][]rule{
			{x.end, y.end}, {x.slash, y.slash}, {x.rest, y.rest},
			{x.rest, y.slash}, {x.rest, y.deeper}, {y.rest, x.slash}, {y.rest, x.deeper},
		} {
			c.report(one[0], one[1])
		}
	}
}

// each walks wild against each of the literals.
func (c *crossings) each(wild, literals []rule, depth int, is relation) {
	for len(wild) > 0 && len(literals) > 0 && len(c.problems) < maxConflicts {
		n := sameLiteral(literals, depth)
		c.walk(wild, literals[:n], depth+1, is)
		literals = literals[n:]
	}
}

// common walks the rules of both sides that have the same literal.
func (c *crossings) common(a, b []rule, depth int, is relation) {
	for len(a) > 0 && len(b) > 0 && len(c.problems) < maxConflicts {
		x, y := a[0].segments[depth].text, b[0].segments[depth].text
		switch strings.Compare(x, y) {
		case 0:
			n, m := sameLiteral(a, depth), sameLiteral(b, depth)
			c.walk(a[:n], b[:m], depth+1, is)
			a, b = a[n:], b[m:]
		case -1:
			a = a[run(a, func(r rule) bool { return r.segments[depth].text < y }):]
		default:
			b = b[run(b, func(r rule) bool { return r.segments[depth].text < x }):]
		}
	}
}

func sameLiteral(rules []rule, depth int) int {
	text := rules[0].segments[depth].text
	return run(rules, func(r rule) bool { return r.segments[depth].text == text })
}

// report notes that each rule of a conflicts with each of b.
func (c *crossings) report(a, b []rule) {
	for _, x := range a {
		for _, y := range b {
			if len(c.problems) >= maxConflicts {
				return
			}
			c.note(x, y)
		}
	}
}

func (c *crossings) note(x, y rule) {
	if x.entry.Index > y.entry.Index {
		x, y = y, x
	}
	pair := [2]int{x.entry.Index, y.entry.Index}
	if c.found[pair] {
		return
	}
	c.found[pair] = true
	first, second := x.entry.Route, y.entry.Route
	c.problems = append(c.problems, Problem{
		Code: codePatternConflict, Severity: Error, Line: second.Line, Route: second.Name, Text: second.Match,
		Message: fmt.Sprintf("conflicts with route %s (line %d, %s): both match %s, and neither is more specific",
			first.Name, first.Line, first.Match, commonRequest(x, y)),
		Hint: "narrow one of the two, or add a route for what both match and give it to one of them",
	})
}

// commonRequest is a request that both rules match.
func commonRequest(x, y rule) string {
	var b strings.Builder
	switch {
	case x.method == "" && y.method == "":
	case x.method == "" || y.method == http.MethodHead:
		b.WriteString(y.method + " ")
	default:
		b.WriteString(x.method + " ")
	}
	b.WriteString(x.host)
	for i := range max(len(x.segments), len(y.segments)) {
		s := segment{kind: segRest}
		if i < len(x.segments) {
			s = x.segments[i]
		}
		if i < len(y.segments) && y.segments[i].compare(s) > 0 {
			s = y.segments[i]
		}
		b.WriteByte('/')
		if s.kind >= segWild {
			b.WriteString(url.PathEscape(s.text))
		}
	}
	return b.String()
}
