package diff

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A growth bounds from above how many nodes a page will have, before it is
// parsed. The HTML Standard makes a browser open every formatting element anew
// that was left open (section 13.2.4.3, "reconstruct the active formatting
// elements"), in each paragraph, so that eleven kilobytes of
// <p><b 1><b 2>…</p><p>x<p>x… are hundreds of thousands of nodes, and a few
// megabytes do not fit in any memory. The parser has no limit for that.
type growth struct {
	// open are formatting elements that may still be reconstructed, and the
	// elements between them through which an end tag does not reach.
	open       []atom.Atom
	formatting int // of them
	nodes      int
}

// misnested is what an end tag out of order may cost: the adoption agency
// (section 13.2.6.4.7) makes up to four clones in each of eight rounds.
const misnested = 32

// growsBeyond tells whether a page may have more than limit nodes.
func growsBeyond(page string, limit int) bool {
	var g growth
	z := html.NewTokenizer(strings.NewReader(page))
	for g.nodes <= limit {
		switch z.Next() {
		case html.ErrorToken:
			return false
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			g.start(atom.Lookup(name))
		case html.EndTagToken:
			name, _ := z.TagName()
			g.end(atom.Lookup(name))
		default:
			g.nodes += 1 + g.formatting
		}
	}
	return true
}

func (g *growth) start(tag atom.Atom) {
	g.nodes += 1 + g.formatting
	switch {
	case formattingTags[tag]:
		g.formatting++
		g.open = append(g.open, tag)
	case barrierTags[tag]:
		g.open = append(g.open, tag)
	}
}

// end takes an element off when the parser does for certain: what stands below
// a barrier stays, however many end tags follow.
func (g *growth) end(tag atom.Atom) {
	g.nodes++
	if !formattingTags[tag] && !barrierTags[tag] {
		return
	}
	for i := len(g.open) - 1; i >= 0; i-- {
		if g.open[i] != tag {
			if formattingTags[tag] {
				g.nodes += misnested
			}
			if barrierTags[g.open[i]] {
				return
			}
			continue
		}
		g.open = slices.Delete(g.open, i, i+1)
		if formattingTags[tag] {
			g.formatting--
		}
		return
	}
}

// formattingTags are the "formatting" elements of section 13.2.4.2.
var formattingTags = tags(atom.A, atom.B, atom.Big, atom.Code, atom.Em, atom.Font, atom.I, atom.Nobr, atom.S,
	atom.Small, atom.Strike, atom.Strong, atom.Tt, atom.U)

// barrierTags are elements that an end tag inside does not reach out of: those
// that put a marker among the formatting elements, that bound a scope (section
// 13.2.4.2), or that have rules of their own for what is inside.
var barrierTags = tags(atom.Applet, atom.Button, atom.Caption, atom.Colgroup, atom.Desc, atom.Foreignobject,
	atom.ForeignObject, atom.Frameset, atom.Html, atom.Marquee, atom.Math, atom.Mi, atom.Mn, atom.Mo, atom.Ms,
	atom.Mtext, atom.Object, atom.Select, atom.Svg, atom.Table, atom.Tbody, atom.Td, atom.Template, atom.Tfoot,
	atom.Th, atom.Thead, atom.Title, atom.Tr, atom.AnnotationXml)

func tags(names ...atom.Atom) map[atom.Atom]bool {
	out := make(map[atom.Atom]bool, len(names))
	for _, name := range names {
		out[name] = true
	}
	return out
}
