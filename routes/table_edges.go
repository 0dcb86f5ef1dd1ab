package routes

import "hash/maphash"

// edge leads from a node to its child for one literal segment.
type edge struct {
	parent, child *node
	text          string
}

// edges is a hash table of edges, with open addressing and at most half full.
// With many routes a match costs as much as its cache misses, and here they are
// fewer than in a built-in map.
type edges []edge

var edgeSeed = maphash.MakeSeed()

// slot is where the edge is, or would be.
func (es edges) slot(parent *node, text string) *edge {
	const spread = 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio
	mask := uint64(len(es) - 1)
	for i := maphash.String(edgeSeed, text) + uint64(parent.number)*spread; ; i++ {
		e := &es[i&mask]
		if e.child == nil || e.parent == parent && e.text == text {
			return e
		}
	}
}

// grown is a table twice as big with the same edges.
func (es edges) grown() edges {
	bigger := make(edges, max(16, 2*len(es)))
	for _, e := range es {
		if e.child != nil {
			*bigger.slot(e.parent, e.text) = e
		}
	}
	return bigger
}

// eachGroup visits the groups below the edge.
func (e edge) eachGroup(visit func(*group)) { e.child.eachGroup(visit) }
