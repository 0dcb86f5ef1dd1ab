package diff

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html/charset"
)

// The names of what an element holds beside elements.
const (
	nameText    = "#text"
	nameDoctype = "#doctype"
)

// An elementBuilder adds elements in the order of the document: an element is
// its "@attribute" members and one kindContent that holds the rest.
type elementBuilder struct {
	tree *tree
	open []openElement
	// keepSpace keeps white space in elements that hold no other text.
	keepSpace  bool
	namespaces map[string]bool // of XML, that were declared
}

type openElement struct {
	attributes, content parent
	elements            int
	words               bool   // text that is more than white space
	preserve            bool   // xml:space is preserve, here or around
	pending             []byte // text that may go on
}

func newElementBuilder(t *tree) (*elementBuilder, error) {
	root, err := t.add(node{kind: kindContent})
	if err != nil {
		return nil, err
	}
	return &elementBuilder{tree: t, open: []openElement{{content: parent{tree: t, node: root}}}}, nil
}

func (b *elementBuilder) top() *openElement { return &b.open[len(b.open)-1] }

func (b *elementBuilder) start(name string) error {
	if len(b.open) > b.tree.limits.Depth {
		return errTooDeep
	}
	if err := b.flush(); err != nil {
		return err
	}
	b.top().elements++
	self, err := b.top().content.add(node{name: name, kind: kindElement})
	if err != nil {
		return err
	}
	content, err := b.tree.add(node{kind: kindContent})
	if err != nil {
		return err
	}
	b.open = append(b.open, openElement{
		preserve:   b.top().preserve,
		attributes: parent{tree: b.tree, node: self},
		content:    parent{tree: b.tree, node: content},
	})
	return nil
}

func (b *elementBuilder) attribute(name, value string) error {
	_, err := b.top().attributes.add(node{name: "@" + name, kind: kindString, text: value})
	return err
}

// text adds text. It goes on until something else comes: comments are nothing.
func (b *elementBuilder) text(text string) {
	top := b.top()
	top.words = top.words || strings.TrimLeft(text, " \t\r\n") != ""
	top.pending = append(top.pending, text...)
}

// flush adds the text that came.
func (b *elementBuilder) flush() error {
	top := b.top()
	if len(top.pending) == 0 {
		return nil
	}
	_, err := top.content.add(node{name: nameText, kind: kindString, text: string(top.pending)})
	top.pending = top.pending[:0]
	return err
}

// other adds what is neither element nor text.
func (b *elementBuilder) other(name, text string) error {
	if err := b.flush(); err != nil {
		return err
	}
	_, err := b.top().content.add(node{name: name, kind: kindString, text: text})
	return err
}

// end closes the element that was opened last, or the document.
func (b *elementBuilder) end() error {
	if err := b.flush(); err != nil {
		return err
	}
	top := b.top()
	b.open = b.open[:len(b.open)-1]
	// Elements that hold elements alone are pretty-printed at will.
	if !b.keepSpace && !top.preserve && !top.words && (top.elements > 0 || len(b.open) == 0) {
		b.tree.dropText(top.content.node)
	}
	if len(b.open) > 0 {
		top.attributes.link(top.content.node)
	}
	return nil
}

// dropText takes the text out of a content.
func (t *tree) dropText(content int32) {
	at := parent{tree: t, node: content}
	kept := t.children(nil, content)
	t.nodes[content].first, t.nodes[content].count = none, 0
	for _, n := range kept {
		if t.nodes[n].name != nameText {
			t.nodes[n].next = none
			at.link(n)
		}
	}
}

// xmlSpace is the namespace of xml:space, XML 1.0 section 2.10.
const xmlSpace = "http://www.w3.org/XML/1998/namespace"

// Namespaces of elements that may stand in a document of another type (the
// content of an Atom entry) and have words with elements between them.
const (
	xhtmlSpace = "http://www.w3.org/1999/xhtml"
	svgSpace   = "http://www.w3.org/2000/svg"
)

// parseXML reads a document with namespaces (Namespaces in XML 1.0): prefixes
// and the order of attributes do not matter, nor comments, nor white space
// between elements where there is no other text.
func parseXML(t *tree, body string, m media) (int32, error) {
	text, err := toUTF8(body, m.charset, t.limits)
	if err != nil {
		return none, err
	}
	b, err := newElementBuilder(t)
	if err != nil {
		return none, err
	}
	b.namespaces = map[string]bool{"": true, xmlSpace: true}
	// In these white space between elements is text, whatever stands beside it.
	b.keepSpace = m.kind == "application/xhtml+xml" || m.kind == "image/svg+xml"
	d := xml.NewDecoder(strings.NewReader(withoutMark(text)))
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if m.charset != "" {
			return r, nil // decoded by what the header says: RFC 7303 section 3
		}
		return charset.NewReaderLabel(label, io.LimitReader(r, int64(t.limits.Bytes)))
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return none, errMalformed
		}
		if err := b.xml(token); err != nil {
			return none, err
		}
	}
	root := b.open[0].content.node
	if err := b.end(); err != nil {
		return none, err
	}
	if t.nodes[root].count == 0 {
		return none, errMalformed
	}
	return root, nil
}

func (b *elementBuilder) xml(token xml.Token) error {
	switch v := token.(type) {
	case xml.StartElement:
		return b.xmlStart(v)
	case xml.EndElement:
		return b.end()
	case xml.CharData:
		b.text(string(v))
	case xml.ProcInst:
		if v.Target != "xml" {
			return b.other("#"+v.Target, string(v.Inst))
		}
	case xml.Directive:
		return b.other(nameDoctype, string(v))
	}
	return nil
}

// declare notes the namespaces that an element declares.
func (b *elementBuilder) declare(attributes []xml.Attr) error {
	for _, a := range attributes {
		if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
			continue
		}
		if a.Value != "" && !strings.ContainsAny(a.Value, ":/") {
			return errMalformed // it cannot be told from a prefix that nobody declared
		}
		b.namespaces[a.Value] = true
	}
	return nil
}

// xmlStart opens an element. encoding/xml leaves a prefix that was not declared
// where the namespace should be: such a document is not well-formed.
func (b *elementBuilder) xmlStart(v xml.StartElement) error {
	if err := b.start(v.Name.Local); err != nil {
		return err
	}
	if err := b.declare(v.Attr); err != nil {
		return err
	}
	if v.Name.Space == xhtmlSpace || v.Name.Space == svgSpace {
		b.top().preserve = true // white space between elements is text there
	}
	if !b.namespaces[v.Name.Space] {
		return errMalformed
	}
	if err := b.attribute("xmlns", v.Name.Space); err != nil {
		return err
	}
	for _, a := range v.Attr {
		name := a.Name.Local
		switch {
		case a.Name.Space == "xmlns" || a.Name.Space == "" && name == "xmlns":
			continue // a declaration: the names that use it are what counts
		case !b.namespaces[a.Name.Space]:
			return errMalformed
		case a.Name.Space != "":
			name = "{" + a.Name.Space + "}" + name
		}
		if a.Name.Space == xmlSpace && a.Name.Local == "space" {
			b.top().preserve = a.Value == "preserve"
		}
		if err := b.attribute(name, a.Value); err != nil {
			return err
		}
	}
	return nil
}
