package diff

import (
	"net/url"
	"strings"
)

// withoutMark takes off the byte order mark of UTF-8, which is no part of markup
// (XML 1.0 section 4.3.3, Encoding Standard section 6).
func withoutMark(text string) string { return strings.TrimPrefix(text, "\uFEFF") }

// parseText reads lines. Their ends are a part of them.
func parseText(t *tree, body string, m media) (int32, error) {
	text, err := toUTF8(body, m.charset, t.limits)
	if err != nil {
		return none, err
	}
	root, err := t.add(node{kind: kindList})
	if err != nil {
		return none, err
	}
	at := parent{tree: t, node: root}
	for line := range strings.Lines(text) {
		if _, err := at.add(node{kind: kindString, text: line, raw: line}); err != nil {
			return none, err
		}
	}
	return root, nil
}

// parseBytes reads nothing: bytes are equal or not.
func parseBytes(t *tree, body string, _ media) (int32, error) {
	return t.add(node{kind: kindBytes, text: body})
}

// parseForm reads application/x-www-form-urlencoded by the URL Standard,
// section 5.1: names in any order, the values of one name in theirs.
func parseForm(t *tree, body string, _ media) (int32, error) {
	root, err := t.add(node{kind: kindObject})
	if err != nil {
		return none, err
	}
	at := parent{tree: t, node: root}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if name, err = url.QueryUnescape(name); err != nil {
			return none, errMalformed
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return none, errMalformed
		}
		if _, err := at.add(node{name: name, kind: kindString, text: value}); err != nil {
			return none, err
		}
	}
	return root, nil
}
