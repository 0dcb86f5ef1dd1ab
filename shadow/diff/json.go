package diff

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonParser reads one text by the grammar of RFC 8259, no more and no less.
// It is our own for three things that encoding/json loses: duplicate names, the
// spelling of numbers, and lone surrogates. What it reads points into the text.
type jsonParser struct {
	src  string
	pos  int
	tree *tree
}

// parseJSON reads a whole document and returns its root.
func parseJSON(t *tree, src string) (int32, error) {
	p := jsonParser{src: src, tree: t}
	root, err := p.document()
	if err == nil && p.pos != len(src) {
		err = errMalformed
	}
	return root, err
}

// parseLines reads newline-delimited JSON: a list of documents. Lines of white
// space alone are passed over.
func parseLines(t *tree, src string) (int32, error) {
	root, err := t.add(node{kind: kindList})
	if err != nil {
		return none, err
	}
	at := parent{tree: t, node: root}
	for line := range strings.Lines(src) {
		if strings.Trim(line, " \t\r\n") == "" {
			continue
		}
		child, err := parseJSON(t, line)
		if err != nil {
			return none, err
		}
		at.link(child)
	}
	return root, nil
}

func (p *jsonParser) document() (int32, error) {
	p.space()
	root, err := p.value(0)
	p.space()
	return root, err
}

func (p *jsonParser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

func (p *jsonParser) value(depth int) (int32, error) {
	if depth > p.tree.limits.Depth {
		return none, errTooDeep
	}
	if p.pos >= len(p.src) {
		return none, errMalformed
	}
	start := p.pos
	switch p.src[p.pos] {
	case '{':
		return p.container(kindObject, '}', depth)
	case '[':
		return p.container(kindList, ']', depth)
	case '"':
		text, err := p.string()
		if err != nil {
			return none, err
		}
		return p.tree.add(node{kind: kindString, text: text, raw: p.src[start:p.pos]})
	case 't':
		return p.literal("true", kindBool)
	case 'f':
		return p.literal("false", kindBool)
	case 'n':
		return p.literal("null", kindNull)
	}
	end := scanNumber(p.src, p.pos)
	if end == 0 {
		return none, errMalformed
	}
	p.pos = end
	return p.tree.add(node{kind: kindNumber, text: p.src[start:end], raw: p.src[start:end]})
}

func (p *jsonParser) literal(word string, k kind) (int32, error) {
	if !strings.HasPrefix(p.src[p.pos:], word) {
		return none, errMalformed
	}
	p.pos += len(word)
	return p.tree.add(node{kind: k, text: word, raw: word})
}

// container reads an object or an array, from its opening byte to its end.
func (p *jsonParser) container(k kind, end byte, depth int) (int32, error) {
	start := p.pos
	self, err := p.tree.add(node{kind: k})
	if err != nil {
		return none, err
	}
	at := parent{tree: p.tree, node: self}
	p.pos++
	p.space()
	if p.pos < len(p.src) && p.src[p.pos] == end {
		p.pos++
		p.tree.nodes[self].raw = p.src[start:p.pos]
		return self, nil
	}
	for {
		if err := p.child(&at, k, depth); err != nil {
			return none, err
		}
		if p.pos >= len(p.src) {
			return none, errMalformed
		}
		c := p.src[p.pos]
		p.pos++
		if c == end {
			p.tree.nodes[self].raw = p.src[start:p.pos]
			return self, nil
		}
		if c != ',' {
			return none, errMalformed
		}
		p.space()
	}
}

// child reads one element, or one name and its value, and the space behind it.
func (p *jsonParser) child(at *parent, k kind, depth int) error {
	name := ""
	if k == kindObject {
		if p.pos >= len(p.src) || p.src[p.pos] != '"' {
			return errMalformed
		}
		var err error
		if name, err = p.string(); err != nil {
			return err
		}
		p.space()
		if p.pos >= len(p.src) || p.src[p.pos] != ':' {
			return errMalformed
		}
		p.pos++
		p.space()
	}
	child, err := p.value(depth + 1)
	if err != nil {
		return err
	}
	p.tree.nodes[child].name = name
	at.link(child)
	p.space()
	return nil
}

// string reads a string from its opening quote. Without an escape the result is
// a part of the source.
func (p *jsonParser) string() (string, error) {
	start := p.pos + 1
	for i := start; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '"':
			p.pos = i + 1
			return p.src[start:i], nil
		case c == '\\':
			return p.escaped(start, i)
		case c < ' ':
			return "", errMalformed
		}
	}
	return "", errMalformed
}

// escaped reads on in a string from its first backslash.
func (p *jsonParser) escaped(start, i int) (string, error) {
	out := append(make([]byte, 0, 64), p.src[start:i]...)
	for i < len(p.src) {
		c := p.src[i]
		switch {
		case c == '"':
			p.pos = i + 1
			return string(out), nil
		case c < ' ':
			return "", errMalformed
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}
		var size int
		if out, size = unescape(out, p.src[i:]); size == 0 {
			return "", errMalformed
		}
		i += size
	}
	return "", errMalformed
}

// escapes are the two-byte escapes of RFC 8259 section 7.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape appends what the escape at the start of s stands for and returns its
// size in s, 0 when it is none.
func unescape(out []byte, s string) ([]byte, int) {
	if len(s) < 2 {
		return out, 0
	}
	if s[1] != 'u' {
		if escapes[s[1]] == 0 {
			return out, 0
		}
		return append(out, escapes[s[1]]), 2
	}
	r, ok := hex4(s)
	if !ok {
		return out, 0
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r), 6
	}
	if low, ok := hex4(s[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return utf8.AppendRune(out, pair), 12
		}
	}
	// A lone surrogate has no UTF-8: the three bytes of WTF-8 keep it apart
	// from every other, and no valid text can hold them.
	return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f), 6
}

// hex4 reads \uXXXX at the start of s.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}
