package diff

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// parseHTML reads a page as a browser does: the order of attributes, the
// spelling of entities, tags left out and comments do not matter. White space
// is collapsed where CSS would by default, and gone where it is next to a block;
// inside pre, textarea, script and style it stays.
func parseHTML(t *tree, body string, m media) (int32, error) {
	label := m.charset
	if label == "" {
		// The byte order mark and the meta tag, HTML Standard section 13.2.3.2.
		// It looks at the first kilobyte alone, and takes ASCII for Latin 1.
		_, label, _ = charset.DetermineEncoding([]byte(body[:min(len(body), 1024)]), "")
		if label == "windows-1252" && utf8.ValidString(body) {
			label = ""
		}
	}
	text, err := toUTF8(body, label, t.limits)
	if err != nil {
		return none, err
	}
	text = withoutMark(text)
	if growsBeyond(text, t.limits.Nodes) {
		return none, errTooManyNodes
	}
	document, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return none, errTooDeep // the only error there is
	}
	b, err := newElementBuilder(t)
	if err != nil {
		return none, err
	}
	b.keepSpace = true // collapsed before it comes here
	root := b.open[0].content.node
	if err := b.html(document, false); err != nil {
		return none, err
	}
	return root, b.end()
}

// html adds what a node holds.
func (b *elementBuilder) html(of *html.Node, verbatim bool) error {
	for n := of.FirstChild; n != nil; n = n.NextSibling {
		var err error
		switch n.Type {
		case html.ElementNode:
			err = b.htmlElement(n, verbatim)
		case html.TextNode:
			text := n.Data
			if !verbatim {
				text = collapse(n)
			}
			if text != "" {
				b.text(text)
			}
		case html.DoctypeNode:
			err = b.other(nameDoctype, doctype(n))
		default: // comments
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *elementBuilder) htmlElement(n *html.Node, verbatim bool) error {
	if err := b.start(n.Data); err != nil {
		return err
	}
	if n.Namespace != "" {
		if err := b.attribute("xmlns", n.Namespace); err != nil {
			return err
		}
	}
	for _, a := range n.Attr {
		name := a.Key
		if a.Namespace != "" {
			name = "{" + a.Namespace + "}" + name
		}
		if err := b.attribute(name, a.Val); err != nil {
			return err
		}
	}
	if err := b.html(n, verbatim || isVerbatim(n)); err != nil {
		return err
	}
	return b.end()
}

func doctype(n *html.Node) string {
	parts := append(make([]string, 0, 1+2*len(n.Attr)), n.Data)
	for _, a := range n.Attr {
		parts = append(parts, a.Key, a.Val)
	}
	return strings.Join(parts, " ")
}

func isVerbatim(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Pre, atom.Textarea, atom.Script, atom.Style, atom.Listing, atom.Plaintext, atom.Xmp:
		return true
	default:
		return false
	}
}

const htmlSpace = " \t\r\n\f"

// collapse makes one space of each run of white space, and none of those that
// stand at the edge of a block.
func collapse(n *html.Node) string {
	text := strings.Join(strings.FieldsFunc(n.Data, func(r rune) bool { return strings.ContainsRune(htmlSpace, r) }), " ")
	if text == "" {
		if n.Data == "" || atBlock(n, previous(n)) || atBlock(n, next(n)) {
			return ""
		}
		return " "
	}
	if strings.IndexByte(htmlSpace, n.Data[0]) >= 0 && !atBlock(n, previous(n)) {
		text = " " + text
	}
	if strings.IndexByte(htmlSpace, n.Data[len(n.Data)-1]) >= 0 && !atBlock(n, next(n)) {
		text += " "
	}
	return text
}

// previous and next sibling that a reader sees: comments are none.
func previous(n *html.Node) *html.Node {
	for n = n.PrevSibling; n != nil && n.Type == html.CommentNode; n = n.PrevSibling {
		continue
	}
	return n
}

func next(n *html.Node) *html.Node {
	for n = n.NextSibling; n != nil && n.Type == html.CommentNode; n = n.NextSibling {
		continue
	}
	return n
}

// atBlock tells whether text ends at a block: its sibling is one, or it has none
// and its parent is.
func atBlock(text, sibling *html.Node) bool {
	if sibling == nil {
		sibling = text.Parent
	}
	return sibling == nil || sibling.Type == html.DocumentNode || sibling.Type == html.DoctypeNode ||
		sibling.Type == html.ElementNode && (blocks[sibling.DataAtom] || text.Parent.DataAtom == atom.Head)
}

// blocks are the elements that the HTML Standard's section 15.3 gives a display
// that is neither inline nor none, by their atom. An element that is not here,
// a custom one say, counts as inline: white space beside it is compared.
var blocks = tags(
	atom.Html, atom.Head, atom.Body, atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Center,
	atom.Dd, atom.Details, atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption,
	atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header,
	atom.Hgroup, atom.Hr, atom.Legend, atom.Li, atom.Main, atom.Menu, atom.Nav, atom.Ol, atom.Optgroup,
	atom.Option, atom.P, atom.Pre, atom.Search, atom.Section, atom.Summary, atom.Ul,
	atom.Table, atom.Caption, atom.Colgroup, atom.Col, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th,
)
