package routes

import (
	"errors"
	"net/http"
	"regexp/syntax"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var routeFields = fields[Route]{
	"name": func(p *parser, n *yaml.Node, r *Route) {
		r.Name, r.at.name = p.name(n, "name"), positionOf(resolve(n))
	},
	"match": func(p *parser, n *yaml.Node, r *Route) {
		r.Match, r.at.match = p.pattern(n), positionOf(resolve(n))
	},
	"methods": func(p *parser, n *yaml.Node, r *Route) { r.Methods = p.methods(n) },
	"when":    func(p *parser, n *yaml.Node, r *Route) { object(p, n, "when", whenFields, &r.When) },
	"owner":   func(p *parser, n *yaml.Node, r *Route) { r.Owner = p.line(n, "owner") },
	"docs":    func(p *parser, n *yaml.Node, r *Route) { r.Docs = p.webAddress(n, "docs") },
	"service": func(p *parser, n *yaml.Node, r *Route) {
		r.Service, r.at.service = p.name(n, "service"), positionOf(resolve(n))
	},
	"sticky": func(p *parser, n *yaml.Node, r *Route) { r.Sticky = p.sticky(n) },
	"percent": func(p *parser, n *yaml.Node, r *Route) {
		if share, ok := p.percent(n, "percent"); ok {
			r.Percent, r.PercentLine = &share, resolve(n).Line
		}
	},
	"rollout": func(p *parser, n *yaml.Node, r *Route) { r.Rollout = p.rollout(n) },
	"flag": func(p *parser, n *yaml.Node, r *Route) {
		r.Flag, r.FlagLine = p.flagKey(n, "flag"), resolve(n).Line
	},
	"flag_attributes": func(p *parser, n *yaml.Node, r *Route) { r.FlagAttributes = p.attributes(n) },
	"baggage":         func(p *parser, n *yaml.Node, r *Route) { r.Baggage = p.baggage(n) },
	"pin_after_failure": func(p *parser, n *yaml.Node, r *Route) {
		r.PinAfterFailure = p.duration(n, "pin_after_failure", maxDuration)
	},
	"cohort": func(p *parser, n *yaml.Node, r *Route) { r.Cohort = p.name(n, "cohort") },
	"rewrite": func(p *parser, n *yaml.Node, r *Route) {
		r.Rewrite = p.line(n, "rewrite")
	},
	"timeout":  func(p *parser, n *yaml.Node, r *Route) { r.Timeout = p.duration(n, "timeout", maxDuration) },
	"fallback": func(p *parser, n *yaml.Node, r *Route) { r.Fallback = p.fallback(n) },
	"identity": func(p *parser, n *yaml.Node, r *Route) { r.Identity = p.identity(n) },
	"shadow":   func(p *parser, n *yaml.Node, r *Route) { r.Shadow = p.shadow(n) },
	"writes": func(p *parser, n *yaml.Node, r *Route) {
		r.Writes = p.distinct(n, "writes", (*parser).data)
		r.at.writes = positionOf(resolve(n))
	},
}

var whenFields = fields[When]{
	"headers": func(p *parser, n *yaml.Node, w *When) { w.Headers = p.conditions(n, "headers", headerName) },
	"query":   func(p *parser, n *yaml.Node, w *When) { w.Query = p.conditions(n, "query", parameterName) },
	"cookies": func(p *parser, n *yaml.Node, w *When) { w.Cookies = p.conditions(n, "cookies", cookieName) },
}

var conditionFields = fields[Condition]{
	"exact": func(p *parser, n *yaml.Node, c *Condition) {
		c.Kind, c.Text = Exact, p.scalar(n, "exact")
	},
	"prefix": func(p *parser, n *yaml.Node, c *Condition) {
		c.Kind, c.Text = Prefix, p.scalar(n, "prefix")
		if c.Text == "" && resolve(n).Tag == "!!str" {
			p.add(resolve(n), codeBadCondition, "", "an empty prefix", "to ask whether there is a value, write present: true")
		}
	},
	"regexp": func(p *parser, n *yaml.Node, c *Condition) {
		c.Kind = Regexp
		var ok bool
		if c.Text, ok = p.text(n, "regexp"); !ok {
			return
		}
		var bad *syntax.Error
		if _, err := syntax.Parse(c.Text, syntax.Perl); errors.As(err, &bad) {
			p.add(resolve(n), codeBadCondition, c.Text, "no regular expression, "+bad.Code.String(), "https://golang.org/s/re2syntax")
		}
	},
	"present": func(p *parser, n *yaml.Node, c *Condition) {
		switch n = resolve(n); {
		case n.Tag != "!!bool":
			p.wrongType(n, "present", "true or false")
		case strings.EqualFold(n.Value, "true"):
			c.Kind = Present
		default:
			c.Kind = Absent
		}
	},
}

// What some texts may be.
var (
	failures    = []string{"connect", "error", "timeout"}
	stickyForms = []string{"user", "visitor", "ip", "cookie:NAME", "header:NAME"}
)

// noEffect are the fields that only matter for a route with a service.
var noEffect = []string{"sticky", "percent", "rollout", "flag", "flag_attributes", "baggage", "pin_after_failure", "cohort", "rewrite", "timeout", "fallback", "identity"}

// readRoute reads one entry of the list of routes.
func (p *parser) readRoute(n *yaml.Node) *Route {
	n = resolve(n)
	p.route = nameOf(n)
	r := &Route{Fallback: Fallback{Connect: true}, Line: n.Line}
	r.at.start = positionOf(n)
	before := len(p.problems)
	pairs := object(p, n, "a route", routeFields, r, "name", "match")
	p.checkRoute(r, pairs)
	if len(p.problems) == before && r.Service == "" {
		p.checkEffect(r, pairs)
	}
	p.route = ""
	return r
}

// nameOf is the name of a route that is not read yet, empty when it has none.
func nameOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if name := resolve(n.Content[i+1]); n.Content[i].Value == "name" && isName(name.Value) {
			return name.Value
		}
	}
	return ""
}

// checkRoute checks what the fields of a route say of each other.
func (p *parser) checkRoute(r *Route, pairs []pair) {
	p.checkDeciders(pairs)
	p.checkFlag(r, pairs)
	if r.Match != "" && len(r.Methods)+len(r.Rewrite) > 0 {
		p.checkPattern(r, pairs)
	}
}

// checkEffect names what does nothing in a route without a service. It is asked
// only when the route has no error: a mistyped "service" would be named thrice.
func (p *parser) checkEffect(r *Route, pairs []pair) {
	for _, one := range pairs {
		switch {
		case slices.Contains(noEffect, one.name()):
			p.add(one.key, codeNoEffect, one.name(), "without a service this has no effect", "add service: …, or remove it")
		case one.name() != "shadow":
		case r.Shadow.Reverse:
			p.add(one.key, codeIdleShadow, one.name(), "without a service nothing is compared with reverse", "add service: …, or remove reverse")
		case r.Shadow.Target == "":
			p.add(one.key, codeIdleShadow, one.name(), "neither the route nor its shadow names a service, so nothing is compared",
				"add service: … to the route, or target: … to its shadow")
		}
	}
}

// checkPattern checks methods and rewrite against the pattern, which is good.
func (p *parser) checkPattern(r *Route, pairs []pair) {
	match, err := parsePattern(r.Match)
	if err != nil {
		return
	}
	if match.method != "" && len(r.Methods) > 0 {
		p.add(resolve(valueOf(pairs, "methods")), codeMethodTwice, match.method, "match has a method already",
			"leave methods out, or take the method out of match")
	}
	if _, err := parseRewrite(r.Rewrite, match); err != nil {
		p.add(resolve(valueOf(pairs, "rewrite")), codeBadRewrite, r.Rewrite, err.Error(), wildcardsHint(match))
	}
}

func wildcardsHint(p pattern) string {
	names := p.wildcards()
	if len(names) == 0 {
		return "the pattern has no wildcards"
	}
	return "the pattern has {" + strings.Join(names, "}, {") + "}"
}

// pattern reads a match; empty when it is not good.
func (p *parser) pattern(n *yaml.Node) string {
	match, ok := p.text(n, "match")
	if !ok {
		return ""
	}
	n = resolve(n)
	parsed, err := parsePattern(match)
	if err == nil && parsed.method != "" {
		err = routeMethod(parsed.method)
	}
	if err != nil {
		p.add(n, codeBadPattern, match, err.Error(), "[METHOD ][HOST]/path/{name}/{rest...}")
		return ""
	}
	return match
}

// methods reads the list of methods.
func (p *parser) methods(n *yaml.Node) []string {
	methods := p.distinct(n, "methods", func(p *parser, n *yaml.Node, what string) string {
		method, ok := p.text(n, what)
		if !ok {
			return ""
		}
		if err := routeMethod(method); err != nil {
			p.add(resolve(n), codeBadMethod, method, err.Error(), "such as GET, POST, PUT, PATCH, DELETE")
			return ""
		}
		return method
	})
	if n = resolve(n); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.add(n, codeBadMethod, "", "methods is empty, so the route could never match", "leave methods out to match every method")
	}
	return methods
}

// distinct reads a list of texts of which none may be there twice.
func (p *parser) distinct(n *yaml.Node, what string, read func(*parser, *yaml.Node, string) string) []string {
	nodes := p.list(n, what)
	texts := make([]string, 0, len(nodes))
	seen := make(map[string]bool, len(nodes))
	for _, one := range nodes {
		text := read(p, one, "an entry of "+what)
		if text == "" {
			continue
		}
		if seen[text] {
			p.add(resolve(one), codeRepeated, text, "this stands twice in "+what, "remove one")
			continue
		}
		seen[text] = true
		texts = append(texts, text)
	}
	return texts
}

// conditions reads the conditions of one kind; name checks and normalises what
// they are about.
func (p *parser) conditions(n *yaml.Node, what string, name func(string) (string, error)) map[string]Condition {
	pairs := p.pairs(n, what)
	conditions := make(map[string]Condition, len(pairs))
	for _, one := range pairs {
		if !p.checkText(one.key, "a name in "+what) {
			continue
		}
		key, err := name(one.name())
		if err != nil {
			p.add(one.key, codeBadCondition, one.name(), err.Error(), "")
			continue
		}
		if _, twice := conditions[key]; twice {
			p.add(one.key, codeDuplicateKey, one.name(), "the header is there twice", "the case of a header's name does not matter")
			continue
		}
		conditions[key] = p.condition(one.value, one.name())
	}
	return conditions
}

// condition reads the exact text or a mapping with one kind of condition.
func (p *parser) condition(n *yaml.Node, name string) (c Condition) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		c.Text = p.scalar(n, shorten(name))
		return c
	}
	if pairs := object(p, n, "the condition", conditionFields, &c); len(pairs) != 1 {
		p.add(n, codeBadCondition, shorten(name), "a condition is one test", "one of exact, prefix, regexp and present")
	}
	return c
}

// fallback reads the list of failures.
func (p *parser) fallback(n *yaml.Node) Fallback {
	f := Fallback{Declared: true}
	p.distinct(n, "fallback", func(p *parser, n *yaml.Node, what string) string {
		return p.failure(n, what, &f)
	})
	slices.Sort(f.Status)
	return f
}

// failure reads one failure into f; empty when it is not good.
func (p *parser) failure(n *yaml.Node, what string, f *Fallback) string {
	n = resolve(n)
	if n.Tag == "!!int" {
		status := p.number(n, what, http.StatusInternalServerError, 599)
		if status != 0 && !slices.Contains(f.Status, status) {
			f.Status = append(f.Status, status)
		}
		return n.Value
	}
	word, ok := p.text(n, what)
	if !ok {
		return ""
	}
	switch word {
	case "connect":
		f.Connect = true
	case "error":
		f.Error = true
	case "timeout":
		f.Timeout = true
	default:
		p.add(n, codeBadFallback, word, "no such failure", p.suggest(word, slices.Values(failures), "known")+", 500 to 599")
		return ""
	}
	return word
}

// sticky reads what a rollout is sticky by.
func (p *parser) sticky(n *yaml.Node) Sticky {
	text, ok := p.text(n, "sticky")
	if !ok {
		return Sticky{}
	}
	sticky, err := parseSticky(text)
	if err != nil {
		p.add(resolve(n), codeBadSticky, text, "sticky: "+err.Error(), p.suggest(text, slices.Values(stickyForms), "known"))
	}
	return sticky
}
