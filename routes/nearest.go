package routes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// maxNearest is how many words Nearest answers at most.
const maxNearest = 3

// leastPart is the length of a word, in bytes, from which on those that it is a
// part of are near it.
const leastPart = 3

// Nearest are up to three of the known words that one which is not known most
// likely means, best first: those that a few slips of the finger make it of, for
// each three letters one and one more, then those that it is a part of. Upper and
// lower case are the same.
func Nearest(word string, known []string) []string {
	if word == "" || len(word) > 2*maxName {
		return nil // no typo of a name; and the distance takes the product of both lengths
	}
	type guess struct {
		word  string
		slips int
	}
	var guesses []guess
	typed, most := strings.ToLower(word), min(max(1, len(word)/3)+1, len(word))
	for _, candidate := range known {
		lower := strings.ToLower(candidate)
		n := slips(typed, lower)
		if n >= most && len(typed) >= leastPart && strings.Contains(lower, typed) {
			n = most
		} else if n >= most {
			continue
		}
		guesses = append(guesses, guess{candidate, n})
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(a.slips, b.slips) })
	near := make([]string, 0, maxNearest)
	for _, g := range guesses[:min(len(guesses), maxNearest)] {
		near = append(near, g.word)
	}
	return near
}

// slips is how many slips of the finger make word of known: a letter too much,
// missing or another; two letters swapped, and nothing else, are one.
func slips(word, known string) int {
	distance := levenshtein.Distance(word, known, nil)
	if distance == 2 && slices.Equal(letters(word), letters(known)) {
		return 1
	}
	return distance
}

// letters are the letters of a word in order.
func letters(word string) []byte {
	all := []byte(word)
	slices.Sort(all)
	return all
}
