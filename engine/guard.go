package engine

import (
	"slices"
	"strings"
)

// guard knows the names of headers that no client may send beside those that
// begin with ourHeaders: where tokens go, and what the configuration lists. It
// takes every spelling that a server behind CGI, WSGI or a proxy reads as one of
// them: upper and lower case, and -, _ and . for each other.
type guard struct {
	lengths uint64 // bit n: there is a name of n bytes; names from 63 on share one
	names   []string
}

func newGuard(names []string) *guard {
	g := new(guard)
	for _, name := range names {
		name = strings.Map(alias, name)
		if !slices.Contains(g.names, name) {
			g.names = append(g.names, name)
			g.lengths |= 1 << min(len(name), 63)
		}
	}
	return g
}

// alias is what a character of a header's name is the same as.
func alias(c rune) rune {
	switch {
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	case c == '_' || c == '.':
		return '-'
	}
	return c
}

// has reports whether a name is one of them. Almost none has the length of one.
func (g *guard) has(name string) bool {
	if g == nil || g.lengths>>min(len(name), 63)&1 == 0 {
		return false
	}
	for _, guarded := range g.names {
		if sameName(guarded, name) {
			return true
		}
	}
	return false
}

func sameName(guarded, name string) bool {
	if len(guarded) != len(name) {
		return false
	}
	for i := range len(name) {
		if byte(alias(rune(name[i]))) != guarded[i] { //#nosec G115 -- a byte stays one
			return false
		}
	}
	return true
}
