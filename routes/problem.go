package routes

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Severity says whether a Problem refuses the table.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the table is refused
	Warning Severity = "warning" // the table works, but likely not as meant
)

// Problem is one thing that is wrong, or looks wrong, in a route table.
type Problem struct {
	// Code names the kind of problem and stays the same between releases; Codes
	// lists them all.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	// Line and Column are where it stands, from 1; columns count characters. Both
	// are 0 when there is no document, for a file that cannot be read.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Route is the route's name when the problem is inside one that has a name.
	Route string `json:"route,omitempty"`
	// Text is the offending text as the document has it, shortened.
	Text string `json:"text,omitempty"`
	// Message says what is wrong, Hint what to write instead or what is allowed.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String is the problem in one line, as compilers and editors know it:
//
//	file:line:column: error: message: "text"; hint [code]
//
// Without a place, that is left out.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, max(p.Column, 1))
	}
	fmt.Fprintf(&b, ": %s: %s", p.Severity, p.Message)
	if p.Text != "" {
		fmt.Fprintf(&b, ": %q", p.Text)
	}
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	fmt.Fprintf(&b, " [%s]", p.Code)
	return b.String()
}

// compare sorts problems by where they stand.
func (p Problem) compare(other Problem) int {
	return cmp.Or(
		cmp.Compare(p.Line, other.Line),
		cmp.Compare(p.Column, other.Column),
		cmp.Compare(p.Code, other.Code),
		cmp.Compare(p.Text, other.Text),
		cmp.Compare(p.Message, other.Message),
	)
}

// Problems are what is wrong with one document, sorted by line.
type Problems []Problem

// Err is nil when no problem refuses the table; else an error whose text is the
// errors among the problems, one line each.
func (ps Problems) Err() error {
	var lines []string
	for _, p := range ps {
		if p.Severity == Error {
			lines = append(lines, p.String())
		}
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

// refuse reports whether any of the problems refuses the table.
func (ps Problems) refuse() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Error })
}

// sorted puts problems in order and drops those that an alias repeats.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, Problem.compare)
	return slices.Compact(ps)
}

// position is a place in the document, from 1; zero when it is not there.
type position struct{ line, column int32 }

// withoutUser is text without what may be the password in a URL: problems are
// logged.
func withoutUser(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	if i := strings.LastIndexByte(rest, '@'); found && i >= 0 {
		return scheme + "://…" + rest[i:]
	}
	return text
}

// maxShown is how many bytes of offending text a problem shows.
const maxShown = 80

// shorten cuts foreign text to what fits into a line.
func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
