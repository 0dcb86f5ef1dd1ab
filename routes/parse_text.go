package routes

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// suggest makes a hint of the known words: the nearest one, when it is near
// enough to be a typo, and all of them, when they are few.
func (p *parser) suggest(word string, words iter.Seq[string], label string) string {
	const maxListed = 24
	if p.full() {
		return ""
	}
	known := slices.Collect(words)
	var parts []string
	if near := Nearest(word, known); len(near) > 0 {
		parts = append(parts, fmt.Sprintf("did you mean %q?", near[0]))
	}
	if len(known) <= maxListed {
		parts = append(parts, label+": "+strings.Join(known, ", "))
	}
	return strings.Join(parts, " ")
}

// sortedKeys are the keys of m in order; they are only sorted when asked for.
func sortedKeys[V any](m map[string]V) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key) {
				return
			}
		}
	}
}

// text reads a text; false when it is none.
func (p *parser) text(n *yaml.Node, what string) (string, bool) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		p.wrongType(n, what, "a text")
		return "", false
	}
	return n.Value, p.checkText(n, what)
}

// scalar reads a text, or a number or a boolean as it is written.
func (p *parser) scalar(n *yaml.Node, what string) string {
	n = resolve(n)
	switch n.Tag {
	case "!!int", "!!float", "!!bool":
		return n.Value
	}
	text, _ := p.text(n, what)
	return text
}

// checkText refuses what no field's text may hold.
func (p *parser) checkText(n *yaml.Node, what string) bool {
	if i := strings.IndexFunc(n.Value, isHidden); i >= 0 {
		p.add(n, codeBadText, n.Value, what+" holds a control character", "remove it")
		return false
	}
	if len(n.Value) > maxText && utf8.RuneCountInString(n.Value) > maxText {
		p.add(n, codeBadText, n.Value, what+" is too long", fmt.Sprintf("at most %d characters", maxText))
		return false
	}
	return true
}

// isHidden reports whether r would disturb the line it is shown in: control
// characters, line separators, and what turns the direction of a text around.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// visible shows what is hidden, as Go writes it: messages of other packages may
// have it from the document.
func visible(message string) string {
	if !strings.ContainsFunc(message, isHidden) {
		return message
	}
	var b strings.Builder
	for _, r := range message {
		if isHidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// number reads a whole number from low to high.
func (p *parser) number(n *yaml.Node, what string, low, high int) int {
	if n = resolve(n); n.Tag != "!!int" {
		p.wrongType(n, what, "a whole number")
		return 0
	}
	value, err := strconv.Atoi(n.Value)
	if err != nil || value < low || value > high {
		p.add(n, codeBadNumber, n.Value, what+" is out of range", fmt.Sprintf("%d to %d", low, high))
		return 0
	}
	return value
}

// wrongType notes that n is not what it should be.
func (p *parser) wrongType(n *yaml.Node, what, want string) {
	have, hint := kindOf(n), ""
	switch {
	case n.Tag == "!!null":
		hint = "write a value, or leave the field out"
	case want == "a text" && n.Kind == yaml.ScalarNode:
		hint = "quote it: " + strconv.Quote(shorten(n.Value))
	}
	p.add(n, codeWrongType, n.Value, fmt.Sprintf("%s must be %s, not %s", what, want, have), hint)
}

// kindOf names what n is.
func kindOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		return "a mapping"
	}
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!int":
		return "a number"
	case "!!float":
		return "a fraction"
	case "!!bool":
		return "true or false"
	case "!!str", "!!timestamp":
		return "a text"
	}
	return "a value of type " + shorten(n.Tag)
}
