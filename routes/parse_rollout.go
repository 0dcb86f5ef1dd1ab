package routes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var rolloutFields = fields[Rollout]{
	"steps": func(p *parser, n *yaml.Node, r *Rollout) { r.Steps = p.steps(n) },
	"every": func(p *parser, n *yaml.Node, r *Rollout) { r.Every = p.duration(n, "every", maxStep) },
	"only":  func(p *parser, n *yaml.Node, r *Rollout) { r.Only = p.schedule(n) },
	"on_breach": func(p *parser, n *yaml.Node, r *Rollout) {
		r.OnBreach = p.word(n, "on_breach", BreachMonolith, BreachPreviousStep, BreachFreeze)
	},
	"gates": func(p *parser, n *yaml.Node, r *Rollout) {
		for _, one := range object(p, n, "gates", gatesFields, &r.Gates) {
			switch one.name() {
			case "compared", "mismatch_below":
				r.at.compared = positionOf(one.key)
			case "approval_above":
				r.at.above = positionOf(one.key)
			}
		}
	},
	"guards": func(p *parser, n *yaml.Node, r *Rollout) {
		r.Guards = Guards{Consecutive: defaultConsecutive}
		for _, one := range object(p, n, "guards", guardsFields, &r.Guards) {
			if one.name() == "mismatch_above" {
				r.at.mismatch = positionOf(one.key)
			}
		}
		r.at.guards = positionOf(resolve(n))
	},
}

var gatesFields = fields[Gates]{
	"requests": func(p *parser, n *yaml.Node, g *Gates) { g.Requests = p.count(n, "requests") },
	"compared": func(p *parser, n *yaml.Node, g *Gates) { g.Compared = p.count(n, "compared") },
	"mismatch_below": func(p *parser, n *yaml.Node, g *Gates) {
		g.MismatchBelow = p.above(n, "mismatch_below")
	},
	"approval": func(p *parser, n *yaml.Node, g *Gates) { g.Approval = p.approval(n) },
	"approval_above": func(p *parser, n *yaml.Node, g *Gates) {
		g.ApprovalAbove, _ = p.percent(n, "approval_above")
	},
	"second_person": func(p *parser, n *yaml.Node, g *Gates) { g.SecondPerson = p.truth(n, "second_person") },
}

var guardsFields = fields[Guards]{
	"error_rate_above_monolith": func(p *parser, n *yaml.Node, g *Guards) {
		g.ErrorRateAboveMonolith = p.above(n, "error_rate_above_monolith")
	},
	"p95_above_monolith": func(p *parser, n *yaml.Node, g *Guards) {
		g.P95AboveMonolith = p.ratio(n, "p95_above_monolith")
	},
	"p99_above_monolith": func(p *parser, n *yaml.Node, g *Guards) {
		g.P99AboveMonolith = p.ratio(n, "p99_above_monolith")
	},
	"mismatch_above": func(p *parser, n *yaml.Node, g *Guards) {
		g.MismatchAbove = p.above(n, "mismatch_above")
	},
	"consecutive": func(p *parser, n *yaml.Node, g *Guards) { g.Consecutive = p.number(n, "consecutive", 1, 1000) },
}

// rollout reads a rollout; what it leaves out is as in DefaultRollout.
func (p *parser) rollout(n *yaml.Node) *Rollout {
	r := DefaultRollout()
	r.at.start = positionOf(resolve(n))
	object(p, n, "rollout", rolloutFields, &r)
	return &r
}

// deciders are the fields of which each alone says which arm serves.
var deciders = []string{"percent", "rollout", "flag"}

// checkDeciders refuses the second one of them, at its place.
func (p *parser) checkDeciders(pairs []pair) {
	var first *yaml.Node
	for _, one := range pairs {
		switch {
		case !slices.Contains(deciders, one.name()):
		case first == nil:
			first = one.key
		default:
			p.add(one.key, codeSeveralDeciders, one.name(), fmt.Sprintf("%s on line %d decides already", first.Value, first.Line),
				"keep one of "+strings.Join(deciders, ", "))
		}
	}
}

// maxSteps bounds a rollout.
const maxSteps = 100

// steps reads the shares of a rollout, which must rise.
func (p *parser) steps(n *yaml.Node) []PPM {
	list := p.list(n, "steps")
	if n = resolve(n); n.Kind == yaml.SequenceNode && (len(list) == 0 || len(list) > maxSteps) {
		p.add(n, codeBadSteps, "", fmt.Sprintf("steps has %d entries", len(list)), fmt.Sprintf("1 to %d shares in percent: [1, 5, 25, 50, 100]", maxSteps))
		return nil
	}
	steps := make([]PPM, 0, len(list))
	last := PPM(0)
	for _, one := range list {
		share, ok := p.percent(one, "a step")
		if !ok {
			continue
		}
		if share <= last {
			p.add(resolve(one), codeBadSteps, resolve(one).Value, "this step is not above "+last.String()+" before it", "steps rise, the first above 0")
			continue
		}
		steps, last = append(steps, share), share
	}
	return steps
}

// schedule reads a schedule; nil when it is not good.
func (p *parser) schedule(n *yaml.Node) *Schedule {
	text, ok := p.text(n, "only")
	if !ok {
		return nil
	}
	s, err := ParseSchedule(text)
	if err != nil {
		message, hint := strings.TrimSuffix(err.Error(), ": "+ErrSchedule.Error()), ErrSchedule.Error()
		if what, instead, found := strings.Cut(message, ": "); found {
			message, hint = what, instead
		}
		p.add(resolve(n), codeBadSchedule, text, "only: "+message, hint)
		return nil
	}
	return s
}

// word reads one of the known words; empty when it is another.
func (p *parser) word(n *yaml.Node, what string, known ...string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if !slices.Contains(known, text) {
		p.add(resolve(n), codeBadWord, text, what+" does not know this word", p.suggest(text, slices.Values(known), "known"))
		return ""
	}
	return text
}

// count reads how many of something there must be, at least one.
func (p *parser) count(n *yaml.Node, what string) uint64 {
	return uint64(max(0, p.number(n, what, 1, 1_000_000_000)))
}

// truth reads true or false.
func (p *parser) truth(n *yaml.Node, what string) bool {
	if n = resolve(n); n.Tag != "!!bool" {
		p.wrongType(n, what, "true or false")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// approval reads the names of those who may approve; there must be one.
func (p *parser) approval(n *yaml.Node) []string {
	names := p.distinct(n, "approval", (*parser).line)
	if n = resolve(n); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.add(n, codeBadText, "", "approval names nobody, so no step could be approved", "leave approval out, or name who approves: [anna, ben]")
	}
	return names
}

// percent reads a share: a number, or a text with a percent sign.
func (p *parser) percent(n *yaml.Node, what string) (PPM, bool) {
	n = resolve(n)
	if n.Tag != "!!int" && n.Tag != "!!float" && n.Tag != "!!str" {
		p.wrongType(n, what, "a number")
		return 0, false
	}
	share, err := ParsePercent(n.Value)
	if err != nil {
		p.add(n, codeBadPercent, n.Value, what+" is out of range", fmt.Sprint(ErrPercent))
		return 0, false
	}
	return share, true
}

// above is a share above 0.
func (p *parser) above(n *yaml.Node, what string) PPM {
	share, ok := p.percent(n, what)
	if ok && share == 0 {
		p.add(resolve(n), codeBadPercent, resolve(n).Value, what+" is 0", "write a value above 0, or leave the field out")
	}
	return share
}

// maxRatio is the largest ratio of latencies that a guard knows.
const maxRatio = 1000

// ratio reads how many times as long something may take.
func (p *parser) ratio(n *yaml.Node, what string) float64 {
	if n = resolve(n); n.Tag != "!!int" && n.Tag != "!!float" {
		p.wrongType(n, what, "a number")
		return 0
	}
	value, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || !(value > 1 && value <= maxRatio) {
		p.add(n, codeBadNumber, n.Value, what+" is not a ratio that can be used", fmt.Sprintf("above 1 and up to %d: 1.5 is half as long again", maxRatio))
		return 0
	}
	return value
}
