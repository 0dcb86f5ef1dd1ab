package routes

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of a shadow.
const (
	maxRules  = 200
	maxExtra  = 64 // headers
	maxBody   = 16 << 20
	minBody   = 1 << 10
	kibi      = 1 << 10
	mebi      = 1 << 20
	dayFormat = time.DateOnly
)

var (
	shadowPresets = []string{"django", "drf"}
	plainCompare  = []string{"ignore", "same_type", "unordered", "uuid", "url_host", "static_name", "number_as_string"}
	sizeText      = regexp.MustCompile(`^([1-9][0-9]{0,8})(KiB|MiB)$`)
)

var shadowFields = fields[Shadow]{
	"sample": func(p *parser, n *yaml.Node, s *Shadow) { s.Sample = p.above(n, "sample") },
	"target": func(p *parser, n *yaml.Node, s *Shadow) {
		s.Target, s.at.target = p.name(n, "target"), positionOf(resolve(n))
	},
	"reverse": func(p *parser, n *yaml.Node, s *Shadow) {
		s.Reverse, s.at.reverse = p.truth(n, "reverse"), positionOf(resolve(n))
	},
	"control": func(p *parser, n *yaml.Node, s *Shadow) {
		s.Control, s.at.control = p.name(n, "control"), positionOf(resolve(n))
	},
	"unsafe": func(p *parser, n *yaml.Node, s *Shadow) { s.Unsafe = p.word(n, "unsafe", UnsafeDryRun) },
	"presets": func(p *parser, n *yaml.Node, s *Shadow) {
		s.Presets = p.distinct(n, "presets", func(p *parser, n *yaml.Node, what string) string { return p.word(n, what, shadowPresets...) })
	},
	"headers": func(p *parser, n *yaml.Node, s *Shadow) { s.Headers = p.few(n, "headers", maxExtra, (*parser).header) },
	"ignore": func(p *parser, n *yaml.Node, s *Shadow) {
		s.Ignore = p.shadowRules(n, "ignore", ignoreFields)
		for _, rule := range s.Ignore {
			rule.Compare = "ignore"
		}
	},
	"rules": func(p *parser, n *yaml.Node, s *Shadow) { s.Rules = p.shadowRules(n, "rules", ruleFields) },
	"clear": func(p *parser, n *yaml.Node, s *Shadow) {
		s.at.clear = nil
		s.Clear = p.few(n, "clear", maxRules, func(p *parser, n *yaml.Node, what string) string {
			text := p.line(n, what)
			if text != "" && !slices.Contains(s.Clear, text) {
				s.Clear, s.at.clear = append(s.Clear, text), append(s.at.clear, positionOf(resolve(n)))
			}
			return text
		})
	},
	"keep_cookies": func(p *parser, n *yaml.Node, s *Shadow) {
		s.KeepCookies, s.at.cookies = p.few(n, "keep_cookies", maxExtra, (*parser).cookieName), positionOf(resolve(n))
	},
	"keep_headers": func(p *parser, n *yaml.Node, s *Shadow) {
		s.KeepHeaders, s.at.headers = p.few(n, "keep_headers", maxExtra, (*parser).keptHeader), positionOf(resolve(n))
	},
	"timeout":   func(p *parser, n *yaml.Node, s *Shadow) { s.Timeout = p.duration(n, "timeout", maxDuration) },
	"in_flight": func(p *parser, n *yaml.Node, s *Shadow) { s.InFlight = p.number(n, "in_flight", 1, 1000) },
	"body":      func(p *parser, n *yaml.Node, s *Shadow) { s.Body = p.size(n, "body") },
	"silence":   func(p *parser, n *yaml.Node, s *Shadow) { s.Silence = p.duration(n, "silence", maxStep) },
	"again":     func(p *parser, n *yaml.Node, s *Shadow) { s.Again = p.above(n, "again") },
}

// ignoreFields are what an entry of ignore has, ruleFields what a rule has.
var ignoreFields = fields[ShadowRule]{
	"path": func(p *parser, n *yaml.Node, r *ShadowRule) {
		r.Path, r.at.path = p.line(n, "path"), positionOf(resolve(n))
	},
	"because": func(p *parser, n *yaml.Node, r *ShadowRule) { r.Because = p.line(n, "because") },
	"owner":   func(p *parser, n *yaml.Node, r *ShadowRule) { r.Owner = p.line(n, "owner") },
	"until": func(p *parser, n *yaml.Node, r *ShadowRule) {
		r.Until, r.at.until = p.lastDay(n, "until"), positionOf(resolve(n))
	},
}

var ruleFields = fields[ShadowRule]{
	"path": ignoreFields["path"], "because": ignoreFields["because"], "owner": ignoreFields["owner"], "until": ignoreFields["until"],
	"compare":   func(p *parser, n *yaml.Node, r *ShadowRule) { r.Compare = p.word(n, "compare", plainCompare...) },
	"tolerance": func(p *parser, n *yaml.Node, r *ShadowRule) { r.Tolerance = p.exact(n, "tolerance") },
	"time":      func(p *parser, n *yaml.Node, r *ShadowRule) { r.Time = p.apart(n, "time") },
	"regexp":    func(p *parser, n *yaml.Node, r *ShadowRule) { r.Regexp = p.wholeRegexp(n) },
	"key":       func(p *parser, n *yaml.Node, r *ShadowRule) { r.Key = p.line(n, "key") },
}

// comparisons are the fields of which a rule has one.
var comparisons = []string{"compare", "tolerance", "time", "regexp", "key"}

// shadow reads a shadow; what it leaves out is as in DefaultShadow.
func (p *parser) shadow(n *yaml.Node) *Shadow {
	s := DefaultShadow()
	s.at.start = positionOf(resolve(n))
	object(p, n, "shadow", shadowFields, &s)
	return &s
}

// shadowRules reads a list of rules.
func (p *parser) shadowRules(n *yaml.Node, what string, known fields[ShadowRule]) []*ShadowRule {
	list := p.list(n, what)
	p.checkLength(n, what, len(list), maxRules)
	all := make([]*ShadowRule, 0, len(list))
	for _, one := range list {
		r := &ShadowRule{Line: resolve(one).Line}
		r.at.start = positionOf(resolve(one))
		pairs := object(p, one, "an entry of "+what, known, r, "path", "because", "owner")
		all = append(all, r)
		if known["compare"] != nil && resolve(one).Kind == yaml.MappingNode {
			r.at.way = p.checkComparison(resolve(one), pairs)
		}
	}
	return all
}

// checkComparison refuses a rule without a way to compare, or with two; it answers
// where the last one stands.
func (p *parser) checkComparison(n *yaml.Node, pairs []pair) (at position) {
	ways := 0
	for _, one := range pairs {
		if slices.Contains(comparisons, one.name()) {
			ways, at = ways+1, positionOf(resolve(one.value))
		}
	}
	if ways != 1 {
		p.add(n, CodeBadRule, "", "a rule has one way to compare, this one "+strconv.Itoa(ways),
			"one of "+strings.Join(comparisons, ", ")+"; what is not to be compared stands in ignore")
	}
	return at
}

// few is distinct for a list with so many texts and no more.
func (p *parser) few(n *yaml.Node, what string, most int, read func(*parser, *yaml.Node, string) string) []string {
	texts := p.distinct(n, what, read)
	p.checkLength(n, what, len(texts), most)
	return texts
}

func (p *parser) checkLength(n *yaml.Node, what string, have, most int) {
	if have > most {
		p.add(resolve(n), codeBadNumber, "", fmt.Sprintf("%s has %d entries", what, have), fmt.Sprintf("at most %d", most))
	}
}

// cookieName reads the name of a cookie (RFC 6265, section 4.1.1).
func (p *parser) cookieName(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if ok && !isToken(text) {
		p.add(resolve(n), codeBadName, text, what+": this cannot be the name of a cookie", "such as django_language")
		return ""
	}
	return text
}

// keptHeader reads the name of a header other than Cookie.
func (p *parser) keptHeader(n *yaml.Node, what string) string {
	name := p.header(n, what)
	if name == "Cookie" {
		p.add(resolve(n), codeBadName, name, what+": cookies are kept one by one", "keep_cookies: [django_language]")
		return ""
	}
	return name
}

// size reads a number of bytes.
func (p *parser) size(n *yaml.Node, what string) Size {
	hint := "1KiB to 16MiB: 512KiB, 1MiB"
	n = resolve(n)
	if n.Tag == "!!int" || n.Tag == "!!float" {
		p.add(n, codeBadNumber, n.Value, what+" has no unit", hint)
		return 0
	}
	text, ok := p.text(n, what)
	if !ok {
		return 0
	}
	found := sizeText.FindStringSubmatch(text)
	if found == nil {
		p.add(n, codeBadNumber, text, what+" is not a size", hint)
		return 0
	}
	size, _ := strconv.Atoi(found[1]) // at most nine digits
	if size *= kibi; found[2] == "MiB" {
		size *= mebi / kibi
	}
	if size < minBody || size > maxBody {
		p.add(n, codeBadNumber, text, what+" is out of range", hint)
		return 0
	}
	return Size(size)
}

// lastDay reads a day and answers its last second in UTC.
func (p *parser) lastDay(n *yaml.Node, what string) time.Time {
	text, ok := p.text(n, what)
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(dayFormat, text)
	if err != nil || day.Year() < 2000 {
		p.add(resolve(n), codeBadDay, text, what+" is not a day", "year-month-day: 2027-01-31")
		return time.Time{}
	}
	return day.Add(24*time.Hour - time.Second)
}

// exact reads a number of 0 or more and keeps its text.
func (p *parser) exact(n *yaml.Node, what string) Number {
	if n = resolve(n); n.Tag != "!!int" && n.Tag != "!!float" {
		p.wrongType(n, what, "a number")
		return ""
	}
	value, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || !(value >= 0 && value <= 1e15) {
		p.add(n, codeBadNumber, n.Value, what+" is out of range", "0 or more: 0.01")
		return ""
	}
	return Number(n.Value)
}

// apart reads how far apart two times may be, 0s for not at all.
func (p *parser) apart(n *yaml.Node, what string) string {
	n = resolve(n)
	if text, ok := p.text(n, what); !ok || text == "0s" {
		return text
	}
	p.duration(n, what, maxStep)
	return n.Value
}

// wholeRegexp reads an expression that a whole text must match.
func (p *parser) wholeRegexp(n *yaml.Node) string {
	text := p.line(n, "regexp")
	var bad *syntax.Error
	if _, err := syntax.Parse(text, syntax.Perl); errors.As(err, &bad) {
		p.add(resolve(n), CodeBadRule, text, "no regular expression, "+bad.Code.String(), "https://golang.org/s/re2syntax")
	}
	return text
}

// checkShadow checks what of a shadow's targets the whole document shows.
func (p *parser) checkShadow(doc *Document, r *Route) {
	s := r.Shadow
	if s == nil {
		return
	}
	for _, one := range []struct {
		what, name string
		at         position
	}{{"target", s.Target, s.at.target}, {"control", s.Control, s.at.control}} {
		if one.name != "" && doc.Targets[one.name] == nil {
			p.unknownTarget(doc, one.at, "the shadow's "+one.what, one.name)
		}
	}
	switch {
	case s.Target == doc.Monolith && s.Target != "":
		p.addAt(s.at.target, codeServiceMonolith, s.Target, "the shadow is the monolith, so it would be compared with itself",
			"name a service, or write reverse: true to compare the service's answers with the monolith")
	case s.Control != "" && (s.Control == r.Service || s.Control == s.Target):
		p.addAt(s.at.control, codeBadControl, s.Control, "the control is what is compared, so every difference would pass for noise",
			"name a second monolith, or leave control out")
	}
}
