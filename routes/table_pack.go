package routes

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// packer makes the tree of a table.
type packer struct {
	tree
	methods map[string]uint32
	many    []manyChild // what goes into slots
}

// manyChild is a literal child of a node with several.
type manyChild struct {
	hash uint64
	node uint32
}

// pack makes the tree of the rules, which it sorts, and the roots of the hosts
// that they name.
func pack(rules []rule) (t tree, hosts map[string]uint32) {
	slices.SortFunc(rules, rule.compareInTree)
	p := packer{
		tree:    tree{groups: make([]group, 1), choices: make([]choice, 1), methods: []string{""}},
		methods: map[string]uint32{"": 0},
	}
	hosts = map[string]uint32{}
	n := run(rules, func(r rule) bool { return r.host == "" }) // sorted first
	p.pack(0, "", rules[:n], 0)
	for rules = rules[n:]; len(rules) > 0; rules = rules[n:] {
		host := rules[0].host
		n = run(rules, func(r rule) bool { return r.host == host })
		hosts[host] = p.pack(0, "", rules[:n], 0)
	}
	p.fill()
	p.nodes, p.groups, p.choices = slices.Clone(p.nodes), slices.Clone(p.groups), slices.Clone(p.choices) // without room to grow
	return p.tree, hosts
}

// compareInTree sorts by place in the tree, then by method, then in the order
// they are asked.
func (r rule) compareInTree(other rule) int {
	return cmp.Or(
		strings.Compare(r.host, other.host),
		slices.CompareFunc(r.segments, other.segments, segment.compare),
		strings.Compare(r.method, other.method),
		r.compareWithin(other),
	)
}

// pack packs the node that all rules share, at the depth of its segments, with
// what is below it.
func (p *packer) pack(parent uint32, text string, rules []rule, depth int) uint32 {
	b := branch(rules, depth)
	only := len(b.literals) > 0 && sameLiteral(b.literals, depth) == len(b.literals)
	fields := uint32(0)
	for i, there := range [...]bool{only, len(b.wild) > 0, len(b.end) > 0, len(b.slash) > 0, len(b.rest) > 0, len(b.literals) > 0 && !only} {
		if there {
			fields |= 1 << i
		}
	}
	at, head := uint32(len(p.nodes)), fields|uint32(len(text))<<textShift
	p.nodes = binary.LittleEndian.AppendUint32(p.nodes, head)
	p.nodes = binary.LittleEndian.AppendUint32(p.nodes, parent)
	p.nodes = append(p.nodes, make([]byte, fieldAt(head, manyChildren)-fieldsFrom)...)
	p.nodes = append(p.nodes, text...)
	p.set(at, fieldEnd, p.group(b.end))
	p.set(at, fieldSlash, p.group(b.slash))
	p.set(at, fieldRest, p.group(b.rest))
	if len(b.wild) > 0 {
		p.set(at, fieldWild, p.pack(at, "", b.wild, depth+1))
	}
	for rest := b.literals; len(rest) > 0; {
		n, text := sameLiteral(rest, depth), rest[0].segments[depth].text
		child := p.pack(at, text, rest[:n], depth+1)
		p.set(at, fieldChild, child)
		if !only {
			p.many = append(p.many, manyChild{hashLiteral(at, text), child})
		}
		rest = rest[n:]
	}
	return at
}

// set sets a field, if the node has it.
func (p *packer) set(at, field, value uint32) {
	n := p.node(at)
	if head := n.head(); head&field != 0 {
		binary.LittleEndian.PutUint32(n[fieldAt(head, field):], value)
	}
}

// group makes the groups of the rules of one pattern, and gives the first, 0
// when there are no rules.
func (p *packer) group(rules []rule) (first uint32) {
	if len(rules) == 0 {
		return 0
	}
	first = uint32(len(p.groups))
	for len(rules) > 0 {
		method := rules[0].method
		n := run(rules, func(r rule) bool { return r.method == method })
		g, c := group{method: p.method(method), more: n < len(rules)}, choice{entries: make([]*Entry, n)}
		for i, r := range rules[:n] {
			c.entries[i] = r.entry
		}
		c.index = newIndex(c.entries)
		if len(c.entries[0].tests) == 0 {
			g.sure = uint32(c.entries[0].Index) + 1
		}
		p.groups, p.choices = append(p.groups, g), append(p.choices, c)
		rules = rules[n:]
	}
	return first
}

func (p *packer) method(name string) uint32 {
	number, known := p.methods[name]
	if !known {
		number = uint32(len(p.tree.methods))
		p.methods[name] = number
		p.tree.methods = append(p.tree.methods, name)
	}
	return number
}

// fill makes the slots: a power of two, of which at least a quarter is free.
func (p *packer) fill() {
	size := 1
	for 3*size < 4*(len(p.many)+1) {
		size *= 2
	}
	p.slots = make([]slot, size)
	for _, child := range p.many {
		i := child.hash
		for p.slots[i&uint64(size-1)].node != 0 {
			i++
		}
		p.slots[i&uint64(size-1)] = slot{hash: uint32(child.hash >> 32), node: child.node}
	}
}
