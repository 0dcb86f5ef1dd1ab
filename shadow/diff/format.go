package diff

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// A format is how bodies of a media type are read.
type format struct {
	name string
	// parse adds the body to the tree and returns its root.
	parse func(t *tree, body string, m media) (int32, error)
}

// A media is what headers say about a body.
type media struct {
	kind, charset, boundary string
	grpcEncoding            string
	depth                   int // of multipart inside multipart
}

// formatMultipart is a body of several, each by its type.
const formatMultipart = "multipart"

// formatEmpty is no body at all, whatever its type.
const formatEmpty = "empty"

var (
	formatJSON  = format{name: "json", parse: func(t *tree, s string, _ media) (int32, error) { return utf8Only(t, s, parseJSON) }}
	formatLines = format{name: "ndjson", parse: func(t *tree, s string, _ media) (int32, error) { return utf8Only(t, s, parseLines) }}
	formatXML   = format{name: "xml", parse: parseXML}
	formatHTML  = format{name: "html", parse: parseHTML}
	formatForm  = format{name: "form", parse: parseForm}
	formatText  = format{name: "text", parse: parseText}
	formatProto = format{name: "protobuf", parse: parseProto}
	formatGRPC  = format{name: "grpc", parse: parseGRPC}
	formatBytes = format{name: "bytes", parse: parseBytes}
)

func utf8Only(t *tree, s string, parse func(*tree, string) (int32, error)) (int32, error) {
	if !utf8.ValidString(s) {
		return none, errMalformed
	}
	return parse(t, s)
}

// formats by media type, for those that no suffix tells.
var formats = map[string]format{
	"application/json":                    formatJSON,
	"text/json":                           formatJSON,
	"application/x-ndjson":                formatLines,
	"application/ndjson":                  formatLines,
	"application/jsonl":                   formatLines,
	"application/jsonlines":               formatLines,
	"application/x-jsonlines":             formatLines,
	"application/xml":                     formatXML,
	"text/xml":                            formatXML,
	"text/html":                           formatHTML,
	"application/x-www-form-urlencoded":   formatForm,
	"application/javascript":              formatText,
	"application/yaml":                    formatText,
	"application/protobuf":                formatProto,
	"application/x-protobuf":              formatProto,
	"application/vnd.google.protobuf":     formatProto,
	"application/grpc":                    formatGRPC,
	"application/grpc-web":                formatGRPC,
	"application/grpc+proto":              formatGRPC,
	"application/grpc-web+proto":          formatGRPC,
	"application/vnd.api+json":            formatJSON,
	"application/x-javascript":            formatText,
	"application/xhtml+xml":               formatXML,
	"application/vnd.oai.openapi":         formatText,
	"application/vnd.google.protobuf+bin": formatProto,
}

// formatOf is how a body of a media type is read.
func formatOf(kind string) format {
	if f, ok := formats[kind]; ok {
		return f
	}
	switch {
	case strings.HasSuffix(kind, "+json"):
		return formatJSON
	case strings.HasSuffix(kind, "+xml"):
		return formatXML
	case strings.HasPrefix(kind, "multipart/"):
		return format{name: formatMultipart, parse: parseMultipart}
	case strings.HasPrefix(kind, "text/"):
		return formatText
	default:
		return formatBytes
	}
}

func mediaOf(h http.Header) media {
	value := ""
	if values := h["Content-Type"]; len(values) > 0 {
		value = values[0]
	}
	kind, params, err := mime.ParseMediaType(value)
	if err != nil {
		kind, _, _ = strings.Cut(value, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	m := media{kind: kind, charset: strings.ToLower(params["charset"]), boundary: params["boundary"]}
	if f := formatOf(kind).name; f == formatJSON.name || f == formatLines.name {
		m.charset = "" // RFC 8259 section 11: it means nothing
	}
	if values := h["Grpc-Encoding"]; len(values) > 0 {
		m.grpcEncoding = strings.ToLower(values[0])
	}
	return m
}

// bodies reads two bodies that are not the same bytes and compares them.
func (w *walk) bodies(m, s *Answer) error {
	w.root = rootBody
	mediaM, mediaS := mediaOf(m.Header), mediaOf(s.Header)
	formatM, formatS := formatOf(mediaM.kind), formatOf(mediaS.kind)
	w.result.Format = formatM.name
	w.placed = formatM.name == formatText.name || formatM.name == formatMultipart
	if len(m.Body) == 0 {
		return w.formats(formatEmpty, formatS.name)
	}
	if len(s.Body) == 0 {
		return w.formats(formatM.name, formatEmpty)
	}
	if formatM.name != formatS.name {
		return w.formats(formatM.name, formatS.name)
	}
	x, errM := w.parse(w.a, m, mediaM, formatM)
	if isLimit(errM) {
		return errM
	}
	y, errS := w.parse(w.b, s, mediaS, formatS)
	switch {
	case isLimit(errS):
		return errS
	case errM == nil && errS == nil:
		return w.compare(x, y)
	case errM == nil:
		return w.formats(formatM.name, "malformed_"+formatM.name)
	case errS == nil:
		return w.formats("malformed_"+formatM.name, formatM.name)
	}
	if mediaM == mediaS && bytes.Equal(m.Body, s.Body) &&
		slices.Equal(m.Header["Content-Encoding"], s.Header["Content-Encoding"]) {
		return nil
	}
	// Neither can be read: all that is left to see is that the bytes, or what
	// the headers say of them, are not the same.
	w.result.Format = formatBytes.name
	return w.single(Value, node{kind: kindBytes, text: string(m.Body)}, node{kind: kindBytes, text: string(s.Body)})
}

// formats notes that two bodies are not even of one format.
func (w *walk) formats(m, s string) error {
	return w.single(Type, node{kind: kindFormat, text: m}, node{kind: kindFormat, text: s})
}

// single notes that two values differ that no parser made.
func (w *walk) single(k Kind, m, s node) error {
	x, err := w.a.add(m)
	if err != nil {
		return err
	}
	y, err := w.b.add(s)
	if err != nil {
		return err
	}
	return w.report(k, x, y)
}

// parse reads one body into a tree. The parsers of others are not trusted not
// to panic: what they do ends this comparison and nothing else.
func (w *walk) parse(t *tree, answer *Answer, m media, f format) (root int32, err error) {
	defer func() {
		if recover() != nil {
			root, err = none, errParserFailed
		}
	}()
	decoded, err := decodeBody(answer.Body, answer.Header["Content-Encoding"], &w.c.limits)
	if err != nil {
		return none, err
	}
	return f.parse(t, string(decoded), m)
}
