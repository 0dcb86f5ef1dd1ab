package routes

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Bounds that keep the work for a hostile or broken document small.
const (
	// maxVisits is how many nodes are looked at; each use of an alias counts
	// what it stands for.
	maxVisits = 5_000_000
	// maxMergeDepth is how deep merge keys may be nested.
	maxMergeDepth = 10
	// maxProblems is how many problems are kept.
	maxProblems = 1000
	// maxText is how many characters a text may have.
	maxText = 2000
	// smallMapping is up to how many keys a search for a key may be linear.
	smallMapping = 16
)

// parser reads the nodes of one document and collects what is wrong with them.
type parser struct {
	file     string
	problems Problems
	more     int    // problems beyond maxProblems
	budget   int    // nodes that may still be looked at
	stopped  bool   // the budget is spent
	route    string // the name of the route being read
}

// add notes a problem at a node.
func (p *parser) add(n *yaml.Node, code, text, message, hint string) {
	p.addAt(positionOf(n), code, text, message, hint)
}

func positionOf(n *yaml.Node) position {
	return position{int32(max(n.Line, 1)), int32(max(n.Column, 1))}
}

func (p *parser) addAt(at position, code, text, message, hint string) {
	if p.full() {
		p.more++
		return
	}
	p.problems = append(p.problems, Problem{
		Code: code, Severity: severityOf[code], File: p.file, Line: int(at.line), Column: int(at.column),
		Route: p.route, Text: shorten(withoutUser(text)), Message: visible(message), Hint: hint,
	})
}

// full reports whether no more problems are kept: then hints need not be made.
func (p *parser) full() bool { return p.stopped || len(p.problems) >= maxProblems }

// finish gives the problems in order.
func (p *parser) finish() Problems {
	problems := p.problems.sorted()
	if p.more > 0 && !p.stopped {
		last := problems[len(problems)-1]
		problems = append(problems, Problem{
			Code: codeTooManyProblems, Severity: Error, File: p.file, Line: last.Line, Column: last.Column,
			Message: fmt.Sprintf("%d more problems are not shown", p.more), Hint: "mend these first",
		})
	}
	return problems
}

// visit counts n nodes and reports whether there is budget for them.
func (p *parser) visit(at *yaml.Node, n int) bool {
	p.budget -= n
	if p.budget < 0 && !p.stopped {
		p.problems = p.problems[:min(len(p.problems), maxProblems-1)]
		p.add(at, codeTooLarge, "", "with its aliases the document is too large", "write out what the aliases stand for, or use fewer")
		p.stopped = true
	}
	return !p.stopped
}

// resolve is the node itself, or the one an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// pair is one key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

func (one pair) name() string { return one.key.Value }

// pairs are the keys and values of a mapping, those of merge keys included;
// what names the mapping in problems. A key of the mapping itself wins over a
// merged one, an earlier merge over a later one (yaml.org/type/merge.html).
func (p *parser) pairs(n *yaml.Node, what string) []pair {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		p.wrongType(n, what, "a mapping")
		return nil
	}
	m := mapping{pairs: make([]pair, 0, len(n.Content)/2)}
	p.merge(&m, n, 0)
	return m.pairs
}

// mapping is a mapping being put together.
type mapping struct {
	pairs []pair
	index map[string]*yaml.Node // of the keys; only when there are many
}

// find is the key of that name, nil when there is none.
func (m *mapping) find(name string) *yaml.Node {
	if m.index != nil {
		return m.index[name]
	}
	for _, one := range m.pairs {
		if one.name() == name {
			return one.key
		}
	}
	return nil
}

func (m *mapping) add(one pair) {
	m.pairs = append(m.pairs, one)
	if m.index == nil && len(m.pairs) > smallMapping {
		m.index = make(map[string]*yaml.Node, cap(m.pairs))
		for _, each := range m.pairs {
			m.index[each.name()] = each.key
		}
	}
	if m.index != nil {
		m.index[one.name()] = one.key
	}
}

// merge adds the keys of n, then those of its merge keys.
func (p *parser) merge(m *mapping, n *yaml.Node, depth int) {
	if !p.visit(n, len(n.Content)) {
		return
	}
	var merges []*yaml.Node
	own := mapping{pairs: make([]pair, 0, len(n.Content)/2)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		if key.Tag == "!!merge" {
			merges = append(merges, merged(value)...)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			p.add(key, codeWrongType, "", "a key must be a text", "")
			continue
		}
		if first := own.find(key.Value); first != nil {
			p.add(key, codeDuplicateKey, key.Value, "the key is there twice", fmt.Sprintf("it is on line %d already", first.Line))
			continue
		}
		own.add(pair{key, value})
	}
	if depth == 0 && len(merges) == 0 {
		*m = own
		return
	}
	for _, one := range own.pairs {
		if m.find(one.name()) == nil {
			m.add(one)
		}
	}
	for _, from := range merges {
		switch {
		case from.Kind != yaml.MappingNode:
			p.wrongType(from, "<<", "a mapping or a list of mappings")
		case depth == maxMergeDepth:
			p.add(from, codeTooLarge, "<<", "merge keys are nested too deep", fmt.Sprintf("at most %d", maxMergeDepth))
		default:
			p.merge(m, from, depth+1)
		}
	}
}

// merged are the mappings that a merge key names: one, or those of a list.
func merged(n *yaml.Node) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	list := make([]*yaml.Node, len(n.Content))
	for i, one := range n.Content {
		list[i] = resolve(one)
	}
	return list
}

// list are the entries of a list.
func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	if n = resolve(n); n.Kind != yaml.SequenceNode {
		p.wrongType(n, what, "a list")
		return nil
	}
	if !p.visit(n, len(n.Content)) {
		return nil
	}
	return n.Content
}

// fields are the setters of T's fields by their name in the document.
type fields[T any] map[string]func(p *parser, n *yaml.Node, into *T)

// object reads a mapping into a struct and gives its keys.
func object[T any](p *parser, n *yaml.Node, what string, known fields[T], into *T, required ...string) []pair {
	pairs := p.pairs(n, what)
	for _, one := range pairs {
		if set := known[one.name()]; set != nil {
			set(p, one.value, into)
			continue
		}
		p.add(one.key, codeUnknownField, one.name(), "unknown field of "+what, p.suggest(one.name(), sortedKeys(known), "known"))
	}
	for _, name := range required {
		if resolve(n).Kind == yaml.MappingNode && !slices.ContainsFunc(pairs, func(one pair) bool { return one.name() == name }) {
			p.add(resolve(n), codeMissingField, "", what+" has no "+name, "add "+name+": …")
		}
	}
	return pairs
}
