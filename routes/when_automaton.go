package routes

import "sync"

// automaton finds which of many literals are in a text, in one pass (Aho and
// Corasick, Communications of the ACM 18, 1975). It folds ASCII letters.
// The zero value holds no literal.
type automaton struct {
	nodes []acNode
	root  [256]int32 // the root's children by byte
	pool  sync.Pool  // of *visits
}

// acNode is a node of the trie of all literals; node 0 is the root, so that 0
// also means "none".
type acNode struct {
	child, sibling int32 // first child, next child of the same parent
	fail           int32 // the longest proper suffix of this node that is one
	output         int32 // the nearest along fail, itself included, with ranks
	letter         byte
	ranks          []int32 // of the entries whose literal ends here
}

// add adds a literal of the entry at rank; build must follow.
func (a *automaton) add(literal string, rank int32) {
	if len(a.nodes) == 0 {
		a.nodes = append(a.nodes, acNode{})
	}
	at := int32(0)
	for i := range len(literal) {
		next := a.child(at, literal[i])
		if next == 0 {
			next = int32(len(a.nodes))
			a.nodes = append(a.nodes, acNode{letter: literal[i], sibling: a.nodes[at].child})
			a.nodes[at].child = next
			if at == 0 {
				a.root[literal[i]] = next
			}
		}
		at = next
	}
	a.nodes[at].ranks = append(a.nodes[at].ranks, rank)
}

// build links each node to where the search goes on when a letter does not
// fit, breadth first: links lead to shorter texts.
func (a *automaton) build() {
	if len(a.nodes) == 0 {
		return
	}
	a.pool.New = func() any { return &visits{rounds: make([]uint32, len(a.nodes))} }
	queue := make([]int32, 1, len(a.nodes))
	for len(queue) > 0 {
		parent := queue[0]
		queue = queue[1:]
		for at := a.nodes[parent].child; at != 0; at = a.nodes[at].sibling {
			n := &a.nodes[at]
			if parent != 0 {
				n.fail = a.step(a.nodes[parent].fail, n.letter)
			}
			n.output = a.nodes[n.fail].output
			if len(n.ranks) > 0 {
				n.output = at
			}
			queue = append(queue, at)
		}
	}
}

// child is the node below at for a letter, 0 when there is none.
func (a *automaton) child(at int32, letter byte) int32 {
	if at == 0 {
		return a.root[letter]
	}
	for next := a.nodes[at].child; next != 0; next = a.nodes[next].sibling {
		if a.nodes[next].letter == letter {
			return next
		}
	}
	return 0
}

// step is the state after one more (folded) letter.
func (a *automaton) step(at int32, letter byte) int32 {
	for {
		if next := a.child(at, letter); next != 0 || at == 0 {
			return next
		}
		at = a.nodes[at].fail
	}
}

// visits notes which nodes one search has been at, so that a text that repeats
// a literal does not repeat its work.
type visits struct {
	rounds []uint32 // by node: the round of its last visit
	round  uint32
}

// visits gives empty notes; put them back into the pool.
func (a *automaton) visits() *visits {
	v, _ := a.pool.Get().(*visits)
	v.begin()
	return v
}

// begin forgets all visits.
func (v *visits) begin() {
	v.round++
	if v.round == 0 { // after 2³² rounds
		clear(v.rounds)
		v.round = 1
	}
}

// first notes a visit and reports whether it is the first.
func (v *visits) first(node int32) bool {
	seen := v.rounds[node] == v.round
	v.rounds[node] = v.round
	return !seen
}
