package diff

import "time"

// A kind says what a node is. Its text is part of signatures and of [Value].
type kind uint8

const (
	kindNone    kind = iota // nothing there: the other side of a missing or extra one
	kindNull                // JSON null
	kindBool                // "true" or "false"
	kindNumber              // the digits as they were spelled
	kindString              // decoded text
	kindBytes               // text that need not be UTF-8
	kindFixed               // a fixed-width protobuf field: it has no sign or point, so its bytes
	kindFormat              // of a body as a whole: the text is its name
	kindObject              // members by name, in any order
	kindList                // elements by position
	kindElement             // an XML or HTML element: "@attribute" members and one kindContent
	kindContent             // what an element holds, in order
	kindMessage             // bytes that also read as a protobuf message
)

var kindNames = [...]string{
	kindNone: "none", kindNull: "null", kindBool: "bool", kindNumber: "number", kindString: "string",
	kindBytes: "bytes", kindFixed: "fixed", kindFormat: "format", kindObject: "object", kindList: "array", kindElement: "element",
	kindContent: "content", kindMessage: "message",
}

func (k kind) String() string { return kindNames[k] }

// leaf tells whether a node of this kind has no children.
func (k kind) leaf() bool { return k < kindObject }

// ordered tells whether the children are told apart by position.
func (k kind) ordered() bool { return k == kindList || k == kindContent }

// none is the index of no node. Every tree has an unused node there, so that
// the zero value of a link ends a list.
const none int32 = 0

// A node is one value of a parsed body. Children are a linked list in one slab,
// so that a tree of any shape is one allocation that the next comparison reuses.
type node struct {
	name string // as a member, or as an element among its siblings
	text string // of a leaf; of a message its bytes
	raw  string // the source it was parsed from, when equal source means equal value
	// first child and next sibling, none at the end.
	first, next int32
	count       int32 // of children
	kind        kind
	sorted      bool // members were put in order of their names
}

// unnamed tells whether a node is the content of an element, which is no step of
// a path: what it holds is reached through the element.
func (n *node) unnamed() bool { return n.kind == kindContent && n.name == "" }

// A tree is one parsed body.
type tree struct {
	nodes  []node
	hashes []uint64 // of the nodes under the rules in force; 0 is not known yet
	limits *Limits
	now    time.Time
	looked int // members passed on the way to one that a rule names; not yet spent
}

// maxKept is how many nodes a slab may hold to be kept for the next comparison.
const maxKept = 1 << 15

func (t *tree) reset(limits *Limits) {
	t.limits = limits
	t.hashes = t.hashes[:0]
	if cap(t.nodes) > maxKept {
		t.nodes = nil
	}
	clear(t.nodes) // lets go of the bodies that the nodes point into
	t.nodes = append(t.nodes[:0], node{})
}

// add appends a node and returns its index.
func (t *tree) add(n node) (int32, error) {
	if len(t.nodes) > t.limits.Nodes {
		return none, errTooManyNodes
	}
	t.nodes = append(t.nodes, n)
	return int32(len(t.nodes) - 1), nil
}

// A parent appends children to a node in order.
type parent struct {
	tree        *tree
	node, after int32
}

func (p *parent) link(child int32) {
	if p.after == none {
		p.tree.nodes[p.node].first = child
	} else {
		p.tree.nodes[p.after].next = child
	}
	p.after = child
	p.tree.nodes[p.node].count++
}

// add appends a child that is whole.
func (p *parent) add(n node) (int32, error) {
	child, err := p.tree.add(n)
	if err != nil {
		return none, err
	}
	p.link(child)
	return child, nil
}

// children appends the indexes of a node's children to dst.
func (t *tree) children(dst []int32, of int32) []int32 {
	for c := t.nodes[of].first; c != none; c = t.nodes[c].next {
		dst = append(dst, c)
	}
	return dst
}
