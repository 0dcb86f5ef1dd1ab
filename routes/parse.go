package routes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	syntax "github.com/goccy/go-yaml"
	syntaxparser "github.com/goccy/go-yaml/parser"
	"go.yaml.in/yaml/v3"
)

// maxDocument is how many bytes a route table may have: room for more than
// 200,000 routes.
const maxDocument = 32 << 20

// Parse reads a route table. It finds all problems at once, each with its
// place; file is only their File. The document is nil when a problem is an
// error. Anchors, aliases and merge keys are allowed. What only shows in the
// compiled table, such as patterns that conflict, Load finds.
func Parse(file string, data []byte) (*Document, Problems) {
	p := &parser{file: file, budget: maxVisits}
	doc := p.parse(data)
	problems := p.finish()
	if problems.refuse() {
		return nil, problems
	}
	return doc, problems
}

// Load is the one way from bytes to a table, for the server and the command
// line: Parse, Compile and Lint, and the checks of who knows more of a document
// than this package, so that all that is wrong is said at once. The table is nil
// when a problem is an error; then conflicts and warnings are those of the routes
// without errors, and of what could not be read a check finds nothing.
func Load(file string, data []byte, checks ...func(*Document) Problems) (*Table, Problems) {
	p := &parser{file: file, budget: maxVisits}
	doc := p.parse(data)
	problems := p.finish()
	var table *Table
	switch {
	case doc == nil:
		return nil, problems
	case problems.refuse():
		problems = append(problems, judged(doc, problems)...)
	default:
		var conflicts Problems
		table, conflicts = Compile(doc)
		problems = append(problems, locate(doc, conflicts)...)
		problems = append(problems, Lint(doc, table)...)
	}
	for _, check := range checks {
		problems = append(problems, check(doc)...)
	}
	for i := range problems {
		problems[i].File = file
	}
	problems = problems.sorted()
	if problems.refuse() {
		table = nil
	}
	if table != nil {
		table.version = version(data)
	}
	return table, problems
}

// parse reads the one document in data.
func (p *parser) parse(data []byte) *Document {
	if len(data) > maxDocument {
		p.addAt(position{1, 1}, codeTooLarge, "", fmt.Sprintf("the document has %d bytes", len(data)), fmt.Sprintf("at most %d", maxDocument))
		return nil
	}
	if at, text := unprintable(data); text != "" {
		p.addAt(at, codeSyntax, text, "this character cannot be in a document", "save the file as UTF-8 text")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	err := decoder.Decode(&root)
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch {
	case root.Kind == 0 && errors.Is(err, io.EOF) || isNull(&root):
		p.addAt(position{1, 1}, codeEmptyDocument, "", "the document is empty", "a table has at least targets, monolith and routes")
		return nil
	case err == nil:
		p.add(&second, codeSeveralDocuments, "---", "a second document starts here", "a route table is one document")
		return nil
	case !errors.Is(err, io.EOF):
		p.syntaxError(data, err)
		return nil
	}
	return p.document(root.Content[0])
}

// isNull reports whether a document has no content but comments or null.
func isNull(root *yaml.Node) bool {
	return root.Kind == yaml.DocumentNode && (len(root.Content) == 0 || root.Content[0].Tag == "!!null")
}

// unprintable finds the first character that YAML does not allow (YAML 1.2.2,
// 5.1), or the first byte that is not UTF-8, and names it.
func unprintable(data []byte) (at position, name string) {
	at = position{1, 1}
	for i := 0; i < len(data); {
		r, size := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(data[i:])
		}
		switch {
		case r == '\n':
			at = position{at.line + 1, 0}
		case r == '\t' || r == '\r' || r == 0x85 || r == '\uFEFF' && i == 0:
		case r == utf8.RuneError && size == 1:
			return at, fmt.Sprintf("byte %#x", data[i])
		case r < ' ' || 0x7F <= r && r < 0xA0 || r == '\uFEFF' || r == 0xFFFE || r == 0xFFFF:
			return at, fmt.Sprintf("%U", r)
		}
		i += size
		at.column++
	}
	return at, ""
}

// maxExplained is the size up to which a document that is no YAML is read a
// second time for a better message; the second parser takes five times as long.
const maxExplained = 4 << 20

var (
	yamlLine      = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// syntaxError explains why data is no YAML. The parser that reads tables is
// fast, but of a broken one it only knows the line where the block began;
// goccy/go-yaml knows the place.
func (p *parser) syntaxError(data []byte, err error) {
	hint := "check the indentation, and quote texts with special characters"
	if len(data) <= maxExplained {
		var broken *syntax.SyntaxError
		_, better := syntaxparser.ParseBytes(data, 0)
		if errors.As(better, &broken) && broken.Token != nil && broken.Token.Position != nil {
			at := broken.Token.Position
			if strings.Contains(broken.Token.Value, "\t") {
				hint = "indent with spaces: YAML takes no tabs"
			}
			p.addAt(position{int32(at.Line), int32(at.Column)}, codeSyntax, broken.Token.Value, broken.Message, hint)
			return
		}
	}
	message, at := err.Error(), position{1, 1}
	if found := yamlLine.FindStringSubmatch(message); found != nil {
		message = message[len(found[0]):]
		if line, err := strconv.ParseInt(found[1], 10, 32); err == nil {
			at.line = int32(line)
		}
	}
	if found := unknownAnchor.FindStringSubmatch(message); found != nil {
		if i := bytes.Index(data, []byte("*"+found[1])); i >= 0 {
			at = offsetPosition(data, i)
		}
		hint = "an alias stands after its anchor; quote a text that starts with *"
	}
	p.addAt(at, codeSyntax, "", message, hint)
}

// offsetPosition is the place of a byte in data.
func offsetPosition(data []byte, offset int) position {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return position{
		line:   int32(bytes.Count(before, []byte("\n")) + 1),
		column: int32(utf8.RuneCount(before[start:]) + 1),
	}
}
