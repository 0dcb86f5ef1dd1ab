package routes

import (
	"cmp"
	"slices"
	"sync"
)

// automaton finds which of many folded literals are in a text, in one pass (Aho
// and Corasick, Communications of the ACM 18, 1975). The zero value holds no
// literal.
//
// States are numbered breadth first: the children of one follow each other, and
// so do their letters, which are looked through without touching the states.
type automaton struct {
	words   []keyword // until they are built in
	states  []acState
	letters []byte     // by state: what leads to it
	root    [256]int32 // the root's children by byte
	outputs []acOutput // the first stands for none
	pool    sync.Pool  // of *visits
}

// acState is a place in the trie of all literals; state 0 is the root, so that 0
// also means "none".
type acState struct {
	child, children int32 // the first, and how many
	fail            int32 // the longest proper suffix of this state that is one
	output          int32 // the longest suffix, itself included, that is a literal
}

// acOutput is a literal that ends at a state.
type acOutput struct {
	ranks []int32 // of the entries, ascending
	next  int32   // the next shorter literal that ends there, too
}

// keyword is a literal of the entry at rank.
type keyword struct {
	text string
	rank int32
}

// add adds a folded literal of the entry at rank; build must follow.
func (a *automaton) add(literal string, rank int32) {
	a.words = append(a.words, keyword{literal, rank})
}

// prefix is a state whose literals go on or end: those of sorted words that
// share its letters.
type prefix struct {
	state int32
	depth int
	words []keyword
}

// build makes the states, breadth first: a suffix is shorter, so that it is
// there already.
func (a *automaton) build() {
	if len(a.words) == 0 {
		return
	}
	slices.SortFunc(a.words, func(x, y keyword) int { return cmp.Or(cmp.Compare(x.text, y.text), cmp.Compare(x.rank, y.rank)) })
	a.states, a.letters, a.outputs = make([]acState, 1), make([]byte, 1), make([]acOutput, 1)
	for queue := []prefix{{words: a.words}}; len(queue) > 0; queue = queue[1:] {
		queue = a.extend(queue[0], queue)
	}
	a.words = nil
	a.pool.New = func() any { return &visits{rounds: make([]uint32, len(a.outputs))} }
}

// extend makes the output of a state and its children, which it appends to the
// queue.
func (a *automaton) extend(p prefix, queue []prefix) []prefix {
	s := &a.states[p.state]
	s.output = a.states[s.fail].output
	ends := 0
	for ends < len(p.words) && len(p.words[ends].text) == p.depth {
		ends++
	}
	if ends > 0 {
		out := acOutput{next: s.output}
		for _, word := range p.words[:ends] {
			out.ranks = append(out.ranks, word.rank)
		}
		s.output = int32(len(a.outputs))
		a.outputs = append(a.outputs, out)
	}
	s.child = int32(len(a.states))
	fail := s.fail
	for rest := p.words[ends:]; len(rest) > 0; {
		letter, n, at := rest[0].text[p.depth], 1, int32(len(a.states))
		for n < len(rest) && rest[n].text[p.depth] == letter {
			n++
		}
		child := acState{}
		if p.state == 0 {
			a.root[letter] = at
		} else {
			child.fail = a.step(fail, letter)
		}
		a.states, a.letters = append(a.states, child), append(a.letters, letter)
		queue = append(queue, prefix{state: at, depth: p.depth + 1, words: rest[:n]})
		rest = rest[n:]
	}
	s = &a.states[p.state] // they may have moved
	s.children = int32(len(a.states)) - s.child
	return queue
}

// step is the state after one more folded byte.
func (a *automaton) step(at int32, letter byte) int32 {
	for at != 0 {
		s := &a.states[at]
		for i, has := range a.letters[s.child : s.child+s.children] {
			if has == letter {
				return s.child + int32(i)
			}
		}
		at = s.fail
	}
	return a.root[letter]
}

// visits notes which outputs one search has been at, so that a text that repeats
// a literal does not repeat its work.
type visits struct {
	rounds []uint32 // by output: the round of its last visit
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
func (v *visits) first(output int32) bool {
	seen := v.rounds[output] == v.round
	v.rounds[output] = v.round
	return !seen
}
