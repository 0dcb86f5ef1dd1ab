package diff

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

const (
	maxMultipartDepth = 4
	partBody          = "body"
)

// parseMultipart reads RFC 2046 section 5.1: a list of parts, each an object of
// its headers in lower case and its body, which is read by its own type.
func parseMultipart(t *tree, body string, m media) (int32, error) {
	if m.boundary == "" || m.depth >= maxMultipartDepth {
		return none, errMalformed
	}
	root, err := t.add(node{kind: kindList})
	if err != nil {
		return none, err
	}
	at := parent{tree: t, node: root}
	reader := multipart.NewReader(strings.NewReader(body), m.boundary)
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF { //nolint:errorlint // wrapped, it is the end of a body without its last boundary
			return root, nil
		}
		if err != nil {
			return none, errMalformed
		}
		child, err := parsePart(t, part, m.depth)
		if err != nil {
			return none, err
		}
		at.link(child)
	}
}

func parsePart(t *tree, part *multipart.Part, depth int) (int32, error) {
	content, err := io.ReadAll(part)
	if err != nil {
		return none, errMalformed
	}
	self, err := t.add(node{kind: kindObject})
	if err != nil {
		return none, err
	}
	at := parent{tree: t, node: self}
	names := make([]string, 0, len(part.Header))
	for name := range part.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := strings.Join(part.Header[name], "\n")
		if _, err := at.add(node{name: strings.ToLower(name), kind: kindString, text: value}); err != nil {
			return none, err
		}
	}
	m := mediaOf(http.Header(part.Header))
	m.depth = depth + 1
	start := len(t.nodes)
	body, err := formatOf(m.kind).parse(t, string(content), m)
	if errors.Is(err, errMalformed) {
		t.nodes = t.nodes[:start]
		body, err = parseBytes(t, string(content), m)
	}
	if err != nil {
		return none, err
	}
	t.nodes[body].name = partBody
	at.link(body)
	return self, nil
}
