package routes

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// tree is what Match walks: below the root of a host one level per segment of
// the path. With many routes a match costs as much as its cache misses, and
// these are as many as the tree is big: hence nodes are packed into bytes, the
// nodes of one route next to each other, and whatever a walk seldom needs is
// kept elsewhere. The packer makes it.
//
// A node is four bytes with its fields and the size of its text, then its
// parent, each field that it has, and the text: the literal that leads to it.
// Numbers have four bytes, little-endian; nodes are named by where they begin.
type tree struct {
	nodes []byte // first the root of the patterns that name no host
	// slots find the literal children of nodes with several: a hash table with
	// open addressing.
	slots   []slot
	groups  []group  // the first is at 1
	choices []choice // of the groups
	methods []string // first the empty one
}

// The fields a node can have, in their order.
const (
	fieldChild   uint32 = 1 << iota // the only literal child
	fieldWild                       // the child for any one segment
	fieldEnd                        // the first group of the patterns that end here
	fieldSlash                      // … with /{$}
	fieldRest                       // … with a trailing slash or {name...}
	manyChildren                    // no field: the literal children are in slots
)

const (
	textShift  = 8 // of the text's size, below maxPattern
	fieldsFrom = 8 // after the first four bytes and the parent
)

// slot refers to a literal child, with half of its hash. It is free when node is
// 0: the first node is nobody's child.
type slot struct{ hash, node uint32 }

// group is the routes of one pattern and method. The groups of one pattern
// follow each other.
type group struct {
	sure   uint32 // Index of the route, plus 1, when the first has no conditions; else 0
	method uint32 // in tree.methods
	more   bool   // the next group is of the same pattern
}

// choice is the routes of a group in the order they are asked.
type choice struct {
	entries []*Entry
	index   *index // nil when there are few entries
}

// node is the bytes from where a node begins.
type node []byte

func (t *tree) node(at uint32) node { return node(t.nodes[at:]) }

func (n node) head() uint32 { return binary.LittleEndian.Uint32(n) }

func (n node) parent() uint32 { return binary.LittleEndian.Uint32(n[4:]) }

// field is a field of the node, 0 when it has none.
func (n node) field(field uint32) uint32 {
	head := n.head()
	if head&field == 0 {
		return 0
	}
	return binary.LittleEndian.Uint32(n[fieldAt(head, field):])
}

// fieldAt is where a field is, or, for manyChildren, where the text is.
func fieldAt(head, field uint32) int {
	return fieldsFrom + 4*bits.OnesCount8(uint8(head&(field-1)))
}

// leads reports whether text is the literal that leads to the node.
func (n node) leads(text string) bool {
	head := n.head()
	if int(head>>textShift) != len(text) {
		return false
	}
	return string(n[fieldAt(head, manyChildren):][:len(text)]) == text
}

// literal is the child of the node at a place for a literal segment, 0 when
// there is none.
func (t *tree) literal(at uint32, n node, text string) uint32 {
	if n.head()&manyChildren != 0 {
		return t.slot(at, text)
	}
	child := n.field(fieldChild)
	if child != 0 && !t.node(child).leads(text) {
		return 0
	}
	return child
}

// slot finds a literal child of a node with several.
func (t *tree) slot(parent uint32, text string) uint32 {
	hash, mask := hashLiteral(parent, text), uint64(len(t.slots)-1)
	for i := hash; ; i++ {
		s := t.slots[i&mask]
		if s.node == 0 {
			return 0
		}
		if s.hash == uint32(hash>>32) {
			if n := t.node(s.node); n.parent() == parent && n.leads(text) {
				return s.node
			}
		}
	}
}

var treeSeed = maphash.MakeSeed()

func hashLiteral(parent uint32, text string) uint64 {
	const spread = 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio
	return maphash.String(treeSeed, text) + uint64(parent)*spread
}
