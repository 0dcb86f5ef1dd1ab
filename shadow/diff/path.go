package diff

import (
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
)

// A step is one move from a value to its child, in the path of a difference.
type step struct {
	name  string
	index int32 // position among siblings; -1 for a member of an object
	// a and b are the children themselves, none on the side that has none.
	a, b int32
	// implied steps are the positions of XML and HTML elements: a rule may
	// leave them out.
	implied bool
	// placed positions tell apart what is not alike, see [Difference.Place].
	placed bool
}

// A selector is one segment of a rule's path.
type selector struct {
	any     bool   // * or [*]
	descend bool   // .. before it: at any depth
	name    string // of a member
	index   int32  // of an element; -1 when the selector is not an index
	// member and value are those of [?@.member=='value'].
	member, value string
	filter        bool
}

// A rulePath is the parsed path of a rule.
type rulePath struct {
	root      string // "$", "status", "header" or "trailer"
	selectors []selector
}

const (
	maxSelectors   = 32
	maxDescendants = 2
)

// parsePath reads the path of a rule. Its grammar, a part of RFC 9535 with
// headers beside the body:
//
//	path     = root *( "." name / ".." name / ".*" / "..*" / "[" inside "]" / "..[" inside "]" )
//	root     = "$" / "status" / "header" / "trailer"
//	name     = 1*( letter / digit / "_" / "-" / "@" / "#" / any byte beyond ASCII )
//	inside   = "*" / index / string / "?@." name "==" string / "?@[" string "]" "==" string
//	index    = "0" / 1*digit
//	string   = "'" *byte "'" / DQUOTE *byte DQUOTE   ; "\" makes the next byte plain
func parsePath(s string) (*rulePath, error) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	p := &rulePath{root: s[:end]}
	switch p.root {
	case rootBody, rootStatus, rootHeader, rootTrailer:
	default:
		return nil, fmt.Errorf("path %q begins with %q: write $ for the body, or status, header or trailer", s, p.root)
	}
	descendants := 0
	for rest := s[end:]; rest != ""; {
		sel, after, err := parseSelector(rest)
		if err != nil {
			return nil, fmt.Errorf("path %q, at %q: %w", s, rest, err)
		}
		if sel.descend {
			descendants++
		}
		p.selectors = append(p.selectors, sel)
		rest = after
	}
	if len(p.selectors) > maxSelectors || descendants > maxDescendants {
		return nil, fmt.Errorf("path %q is too long: it may have %d segments, and .. before %d of them", s, maxSelectors, maxDescendants)
	}
	if (p.root == rootHeader || p.root == rootTrailer) && len(p.selectors) > 0 {
		first := &p.selectors[0]
		first.name = textproto.CanonicalMIMEHeaderKey(first.name)
	}
	return p, nil
}

func parseSelector(s string) (selector, string, error) {
	sel := selector{index: -1}
	dotted := false
	if rest, ok := strings.CutPrefix(s, ".."); ok {
		sel.descend, dotted, s = true, true, rest
	} else if rest, ok := strings.CutPrefix(s, "."); ok {
		dotted, s = true, rest
		if strings.HasPrefix(s, "[") {
			return sel, "", fmt.Errorf("a dot before [")
		}
	}
	switch {
	case strings.HasPrefix(s, "["):
		return parseBracket(sel, s[1:])
	case dotted && strings.HasPrefix(s, "*"):
		sel.any = true
		return sel, s[1:], nil
	case dotted:
		n := nameLen(s)
		if n == 0 {
			return sel, "", fmt.Errorf("a name is missing behind the dot")
		}
		sel.name = s[:n]
		return sel, s[n:], nil
	}
	return sel, "", fmt.Errorf("write .name, [0], [*] or ['name']")
}

func parseBracket(sel selector, s string) (selector, string, error) {
	var err error
	switch {
	case strings.HasPrefix(s, "*"):
		sel.any, s = true, s[1:]
	case strings.HasPrefix(s, "?"):
		s, err = parseFilter(&sel, s)
	case strings.HasPrefix(s, "'"), strings.HasPrefix(s, `"`):
		sel.name, s, err = parseQuoted(s)
	default:
		n := scanDigits(s, 0)
		var index int64
		if index, err = strconv.ParseInt(s[:n], 10, 32); err != nil {
			return sel, "", fmt.Errorf("inside the brackets write *, an index, a quoted name or ?@.name=='value'")
		}
		sel.index, s = int32(index), s[n:]
	}
	if err != nil {
		return sel, "", err
	}
	rest, ok := strings.CutPrefix(s, "]")
	if !ok {
		return sel, "", fmt.Errorf("] is missing")
	}
	return sel, rest, nil
}

func parseFilter(sel *selector, s string) (string, error) {
	bad := fmt.Errorf("a filter is written [?@.name=='value']")
	var err error
	if rest, ok := strings.CutPrefix(s, "?@."); ok {
		n := nameLen(rest)
		sel.member, s = rest[:n], rest[n:]
	} else if rest, ok := strings.CutPrefix(s, "?@["); ok {
		if sel.member, s, err = parseQuoted(rest); err != nil {
			return "", err
		}
		if s, ok = strings.CutPrefix(s, "]"); !ok {
			return "", bad
		}
	}
	s, ok := strings.CutPrefix(s, "==")
	if sel.member == "" || !ok {
		return "", bad
	}
	sel.filter = true
	sel.value, s, err = parseQuoted(s)
	return s, err
}

func parseQuoted(s string) (text, rest string, err error) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", "", fmt.Errorf("a quote is missing")
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return out.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		out.WriteByte(s[i])
	}
	return "", "", fmt.Errorf("the quote is not closed")
}

// nameLen is how much of s can be written behind a dot.
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i]
		plain := c >= 0x80 || c == '_' || c == '-' || c == '@' || c == '#' ||
			c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !plain {
			return i
		}
	}
	return len(s)
}
