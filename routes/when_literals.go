package routes

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// A regular expression is costly to try, so an index tries only those of which
// a literal text is in the value. This is the idea of RE2's FilteredRE2
// (https://github.com/google/re2, prefilter.h): from the parsed expression
// follow sets of literals of which every match contains at least one.
// Literals are folded, whether the expression asks for it or not: then each
// has one spelling.

// maxLiterals bounds the sets of literals that are looked at.
const maxLiterals = 16

// requirements is what follows from an expression.
type requirements struct {
	// exact are the texts it matches, when they are few; else nil.
	exact []string
	// sets hold literals: every match contains one of each set.
	sets [][]string
}

// requiredLiterals are the sets of literals that follow from an expression.
func requiredLiterals(text string) [][]string {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil
	}
	return require(parsed.Simplify()).all()
}

// all are the sets, the exact texts being one.
func (r requirements) all() [][]string {
	if usable(r.exact) {
		return append(r.sets, r.exact)
	}
	return r.sets
}

// usable: the empty text is in every value, and tells nothing.
func usable(set []string) bool { return len(set) > 0 && !slices.Contains(set, "") }

func require(re *syntax.Regexp) requirements {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText,
		syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return requirements{exact: []string{""}}
	case syntax.OpLiteral:
		parts := make([]requirements, len(re.Rune))
		for i, r := range re.Rune {
			parts[i] = requirements{exact: spelling(r)}
		}
		return requireEach(parts)
	case syntax.OpCharClass:
		return requirements{exact: classSpellings(re.Rune)}
	case syntax.OpCapture:
		return require(re.Sub[0])
	case syntax.OpPlus:
		return requirements{sets: require(re.Sub[0]).all()}
	case syntax.OpQuest:
		if inner := require(re.Sub[0]).exact; inner != nil && len(inner) < maxLiterals {
			return requirements{exact: union(inner, []string{""})}
		}
	case syntax.OpConcat:
		parts := make([]requirements, len(re.Sub))
		for i, sub := range re.Sub {
			parts[i] = require(sub)
		}
		return requireEach(parts)
	case syntax.OpAlternate:
		return requireOne(re.Sub)
	default: // nothing follows from what may match any text, or none
	}
	return requirements{}
}

// requireEach is what follows from parts that match one after the other.
// Neighbours with few texts are multiplied out.
func requireEach(parts []requirements) requirements {
	var sum requirements
	whole, run := true, []string{""}
	flush := func() {
		if usable(run) {
			sum.sets = append(sum.sets, run)
		}
		whole, run = false, []string{""}
	}
	for _, part := range parts {
		if part.exact == nil {
			flush()
			sum.sets = append(sum.sets, part.sets...)
			continue
		}
		if len(run)*len(part.exact) > maxLiterals {
			flush()
		}
		run = product(run, part.exact)
	}
	if whole {
		return requirements{exact: run}
	}
	flush()
	return sum
}

// requireOne is what follows from alternatives: a set of each, together.
func requireOne(alternatives []*syntax.Regexp) requirements {
	exact, either := []string{}, []string{}
	for _, alternative := range alternatives {
		one := require(alternative)
		if one.exact == nil || exact == nil {
			exact = nil
		} else {
			exact = union(exact, one.exact)
		}
		sets := one.all()
		if len(sets) == 0 || either == nil {
			either = nil
			continue
		}
		either = union(either, slices.MaxFunc(sets, func(a, b []string) int {
			return cmp.Compare(shortest(a), shortest(b))
		}))
	}
	if exact != nil && len(exact) <= maxLiterals {
		return requirements{exact: exact}
	}
	if usable(either) && len(either) <= 4*maxLiterals {
		return requirements{sets: [][]string{either}}
	}
	return requirements{}
}

// shortest is the length of the set's shortest text: the longer, the rarer.
func shortest(set []string) int {
	n := len(set[0])
	for _, text := range set {
		n = min(n, len(text))
	}
	return n
}

func product(heads, tails []string) []string {
	texts := make([]string, 0, len(heads)*len(tails))
	for _, head := range heads {
		for _, tail := range tails {
			texts = append(texts, head+tail)
		}
	}
	return texts
}

func union(a, b []string) []string {
	texts := slices.Concat(a, b)
	slices.Sort(texts)
	return slices.Compact(texts)
}

// spelling is the folded text that is there when r matches, as the only one; nil
// when that is not known. (U+FFFD also matches bytes that are not UTF-8.)
func spelling(r rune) []string {
	if r == utf8.RuneError {
		return nil
	}
	return []string{fold(string(r))}
}

// classSpellings are the spellings of a class, given as pairs of first and last.
func classSpellings(ranges []rune) []string {
	var texts []string
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			one := spelling(r)
			if one == nil || len(texts) == maxLiterals {
				return nil
			}
			texts = union(texts, one)
		}
	}
	return texts
}
