package routes

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// hashFractional is the one bucket algorithm there is; Bucket describes it.
const hashFractional = "fractional-v2"

var documentFields = fields[Document]{
	"hash": func(p *parser, n *yaml.Node, _ *Document) {
		if hash, ok := p.text(n, "hash"); ok && hash != hashFractional {
			p.add(n, codeBadText, hash, "unknown hash", p.suggest(hash, slices.Values([]string{hashFractional}), "known"))
		}
	},
	"monolith": func(p *parser, n *yaml.Node, d *Document) { d.Monolith = p.name(n, "monolith") },
	"targets": func(p *parser, n *yaml.Node, d *Document) {
		pairs := p.pairs(n, "targets")
		d.Targets = make(map[string]*Target, len(pairs))
		for _, one := range pairs {
			t := &Target{Name: p.name(one.key, "target"), Line: one.key.Line, column: int32(one.key.Column)}
			object(p, one.value, "target "+t.Name, targetFields, t)
			d.Targets[t.Name] = t
		}
	},
	"routes": func(p *parser, n *yaml.Node, d *Document) {
		list := p.list(n, "routes")
		d.Routes = make([]*Route, 0, len(list))
		for _, one := range list {
			d.Routes = append(d.Routes, p.readRoute(one))
		}
	},
}

var targetFields = fields[Target]{
	"url":   func(p *parser, n *yaml.Node, t *Target) { t.URLs = p.urls(n) },
	"owner": func(p *parser, n *yaml.Node, t *Target) { t.Owner = p.line(n, "owner") },
	"docs":  func(p *parser, n *yaml.Node, t *Target) { t.Docs = p.webAddress(n, "docs") },
	"timeouts": func(p *parser, n *yaml.Node, t *Target) {
		object(p, n, "timeouts", timeoutsFields, &t.Timeouts)
	},
	"max_in_flight": func(p *parser, n *yaml.Node, t *Target) {
		t.MaxInFlight = p.number(n, "max_in_flight", 1, 1_000_000)
	},
	"breaker": func(p *parser, n *yaml.Node, t *Target) {
		object(p, n, "breaker", breakerFields, &t.Breaker)
	},
	"build": func(p *parser, n *yaml.Node, t *Target) { t.Build = p.header(n, "build") },
}

var timeoutsFields = fields[Timeouts]{
	"dial":       func(p *parser, n *yaml.Node, t *Timeouts) { t.Dial = p.duration(n, "dial", maxDuration) },
	"first_byte": func(p *parser, n *yaml.Node, t *Timeouts) { t.FirstByte = p.duration(n, "first_byte", maxDuration) },
	"idle":       func(p *parser, n *yaml.Node, t *Timeouts) { t.Idle = p.duration(n, "idle", maxDuration) },
}

var breakerFields = fields[Breaker]{
	"failures": func(p *parser, n *yaml.Node, b *Breaker) { b.Failures = p.number(n, "failures", 1, 10) },
	"open_for": func(p *parser, n *yaml.Node, b *Breaker) { b.OpenFor = p.duration(n, "open_for", maxDuration) },
}

// document reads the whole table, then what its parts say of each other.
func (p *parser) document(root *yaml.Node) *Document {
	doc := &Document{Hash: hashFractional}
	pairs := object(p, root, "the table", documentFields, doc, "targets", "monolith", "routes")
	if doc.Targets != nil {
		if n := valueOf(pairs, "monolith"); n != nil && doc.Monolith != "" && doc.Targets[doc.Monolith] == nil {
			p.unknownTarget(doc, positionOf(resolve(n)), "monolith", doc.Monolith)
		}
		p.services(doc)
	}
	p.routeNames(doc)
	return doc
}

// valueOf is the value of a key, nil when the key is not there.
func valueOf(pairs []pair, name string) *yaml.Node {
	for _, one := range pairs {
		if one.name() == name {
			return one.value
		}
	}
	return nil
}

// services checks that each service is a target and not the monolith.
func (p *parser) services(doc *Document) {
	for _, r := range doc.Routes {
		p.route = r.Name
		switch {
		case r.Service == "":
		case doc.Targets[r.Service] == nil:
			p.unknownTarget(doc, r.at.service, "service", r.Service)
		case r.Service == doc.Monolith:
			p.addAt(r.at.service, codeServiceMonolith, r.Service, "the service is the monolith",
				"leave service out to keep the route on the monolith")
		}
		p.checkShadow(doc, r)
	}
	p.route = ""
}

func (p *parser) unknownTarget(doc *Document, at position, what, name string) {
	p.addAt(at, codeUnknownTarget, name, what+" names no target", p.suggest(name, sortedKeys(doc.Targets), "targets"))
}

// routeNames checks that no two routes have one name.
func (p *parser) routeNames(doc *Document) {
	first := make(map[string]*Route, len(doc.Routes))
	for _, r := range doc.Routes {
		if other := first[r.Name]; other != nil && r.Name != "" {
			p.addAt(r.at.name, codeDuplicateRoute, r.Name, "two routes have this name", fmt.Sprintf("the other is on line %d", other.at.name.line))
			continue
		}
		first[r.Name] = r
	}
}
