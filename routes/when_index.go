package routes

import (
	"slices"
	"unicode/utf8"
)

// indexFrom is how many routes of one pattern get an index.
const indexFrom = 9

// index finds, among many routes of one pattern, those whose conditions may
// hold: each route is found by one of its conditions, the one that the fewest
// others share. It only leaves out routes that fail; the rest are asked as
// they would be without it.
type index struct {
	sources []*sourceIndex
	rest    []int32 // ranks of routes that no condition finds, asked last
}

// sourceIndex holds the ranks of the routes that are found by one source.
type sourceIndex struct {
	source   int
	all      []int32
	exact    map[string][]int32
	literals automaton
}

// anchor is a way to find a route: the value at source is one of texts, or it
// contains one of them when folded.
type anchor struct {
	source   int
	contains bool
	texts    []string
}

type anchorKey struct {
	source   int
	contains bool
	text     string
}

// newIndex makes the index of the entries, nil when they are few.
func newIndex(entries []*Entry) *index {
	if len(entries) < indexFrom {
		return nil
	}
	anchors := make([][]anchor, len(entries))
	shared := map[anchorKey]int{}
	for rank, e := range entries {
		anchors[rank] = e.anchors()
		for _, a := range anchors[rank] {
			for _, text := range a.texts {
				shared[anchorKey{a.source, a.contains, text}]++
			}
		}
	}
	ix := &index{}
	places := map[int]*sourceIndex{}
	for rank, choices := range anchors {
		best := rarest(choices, shared)
		if best == nil {
			ix.rest = append(ix.rest, int32(rank))
			continue
		}
		s := places[best.source]
		if s == nil {
			s = &sourceIndex{source: best.source, exact: map[string][]int32{}}
			places[best.source] = s
			ix.sources = append(ix.sources, s)
		}
		s.add(best, int32(rank))
	}
	for _, s := range ix.sources {
		s.literals.build()
	}
	return ix
}

// anchors are the ways to find e, the surest first.
func (e *Entry) anchors() []anchor {
	var exact, contains []anchor
	for _, t := range e.tests {
		switch t.Kind {
		case Exact:
			exact = append(exact, anchor{source: t.source, texts: []string{t.Text}})
		case Prefix:
			if t.Text != "" && utf8.ValidString(t.Text) { // a part of a rune would not be folded as the rune is
				contains = append(contains, anchor{source: t.source, contains: true, texts: []string{fold(t.Text)}})
			}
		case Regexp:
			for _, set := range requiredLiterals(t.Text) {
				contains = append(contains, anchor{source: t.source, contains: true, texts: set})
			}
		case Present, Absent: // leave out too few
		}
	}
	slices.SortStableFunc(contains, func(a, b anchor) int { return shortest(b.texts) - shortest(a.texts) })
	return append(exact, contains...)
}

// rarest is the anchor that the fewest routes share, the first of equals.
func rarest(choices []anchor, shared map[anchorKey]int) *anchor {
	var best *anchor
	fewest := 0
	for i, a := range choices {
		count := 0
		for _, text := range a.texts {
			count += shared[anchorKey{a.source, a.contains, text}]
		}
		if best == nil || count < fewest {
			best, fewest = &choices[i], count
		}
	}
	return best
}

// add files a route under an anchor. Ranks come in ascending order.
func (s *sourceIndex) add(a *anchor, rank int32) {
	s.all = append(s.all, rank)
	for _, text := range a.texts {
		if a.contains {
			s.literals.add(text, rank)
		} else {
			s.exact[text] = append(s.exact[text], rank)
		}
	}
}

// search is pick's loop over the routes that the index does not leave out.
type search struct {
	walk    *walk
	entries []*Entry
	best    int // the lowest rank so far that does not fail
	verdict verdict
}

// search finds the first route of the group that does not fail, and whether it
// holds; the verdict is fails when all do.
func (w *walk) search(g *choice) (rank int, v verdict) {
	if g.index == nil {
		for rank = range g.entries {
			if v = w.verdict(g.entries[rank]); v != fails {
				break
			}
		}
		return rank, v
	}
	s := search{walk: w, entries: g.entries, best: len(g.entries)}
	for _, from := range g.index.sources {
		switch v := w.value(from.source); v.state {
		case missing: // no exact, prefix or regexp condition can hold
		case single:
			s.askAll(from.exact[v.text])
			s.scan(&from.literals, v.text)
		default:
			s.askAll(from.all)
		}
	}
	s.askAll(g.index.rest)
	return s.best, s.verdict
}

// askAll asks routes in ascending order, as far as they can still be the first.
func (s *search) askAll(ranks []int32) {
	for _, rank := range ranks {
		if int(rank) >= s.best {
			return
		}
		if v := s.walk.verdict(s.entries[rank]); v != fails {
			s.best, s.verdict = int(rank), v
			return
		}
	}
}

// scan asks the routes of which a literal is in the text, each literal once.
func (s *search) scan(a *automaton, text string) {
	if len(a.states) == 0 {
		return
	}
	var seen *visits // nil before the first literal
	for at := int32(0); text != ""; {
		if c := text[0]; c < utf8.RuneSelf {
			at, text = a.step(at, lowerASCII(c)), text[1:]
			if out := a.states[at].output; out != 0 {
				seen = s.askOutput(a, out, seen)
			}
			continue
		}
		var piece folded
		piece, text = cutFolded(text)
		for _, letter := range piece.bytes[:piece.size] {
			at = a.step(at, letter)
			if out := a.states[at].output; out != 0 {
				seen = s.askOutput(a, out, seen)
			}
		}
	}
	if seen != nil {
		a.pool.Put(seen)
	}
}

// askOutput asks the routes of a literal and of the shorter ones that end with
// it, and notes that.
func (s *search) askOutput(a *automaton, out int32, seen *visits) *visits {
	if seen == nil {
		seen = a.visits()
	}
	for out != 0 && seen.first(out) { // once one was seen, the shorter ones were, too
		s.askAll(a.outputs[out].ranks)
		out = a.outputs[out].next
	}
	return seen
}
