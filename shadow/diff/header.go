package diff

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The roots of paths.
const (
	rootBody    = "$"
	rootStatus  = "status"
	rootHeader  = "header"
	rootTrailer = "trailer"
)

// defaultHeaders are those that mean something to a client and that two right
// answers have in common. Date, Server, Content-Length and the like are not.
var defaultHeaders = []string{
	"Content-Type", "Location", "Cache-Control", "Etag", "Vary", "Set-Cookie", "Link",
	"Www-Authenticate", "Content-Language", "Content-Disposition",
}

// DefaultHeaders are the headers that are always compared:
//
//   - Cache-Control, Vary and Content-Language as sets, in any order and case;
//   - Content-Type and Content-Disposition by value and parameters, without the
//     boundary of a multipart body and the charset of JSON (RFC 8259 section 11);
//   - Set-Cookie by names and attributes (RFC 6265 section 5.2), without the
//     value; of the date of Expires whether it is over;
//   - ETag by whether there is one;
//   - Location in one spelling: scheme and host in lower case, no default port;
//   - everything else value by value, never split at commas.
func DefaultHeaders() []string { return slices.Clone(defaultHeaders) }

// headerReaders add one header's values to the tree, for those that are more
// than a list of texts.
var headerReaders = map[string]func(p *parent, values []string) error{
	"Content-Type":        parameters,
	"Content-Disposition": parameters,
	"Cache-Control":       directives,
	"Vary":                directives,
	"Content-Language":    directives,
	"Set-Cookie":          cookies,
	"Etag":                presence,
	"Location":            locations,
}

// headerSets are headers that, when absent, are an empty set: each member that is
// missing is a difference of its own, which a rule can name.
var headerSets = map[string]bool{"Cache-Control": true, "Vary": true, "Content-Language": true, "Set-Cookie": true}

// status notes that the statuses differ. Their class or number is no secret and
// makes the cluster: it takes the place of the types.
func (w *walk) status(m, s int) error {
	w.root = rootStatus
	err := w.single(Value, node{kind: kindNumber, text: strconv.Itoa(m)}, node{kind: kindNumber, text: strconv.Itoa(s)})
	if n := len(w.result.Differences); n > 0 {
		d := &w.result.Differences[n-1]
		d.Signature = "status value " + strconv.Itoa(m) + "→" + strconv.Itoa(s)
		d.Place = d.Signature
	}
	w.fresh()
	return err
}

// headers compares the headers that are to be compared.
func (w *walk) headers(m, s *Answer) error {
	w.root = rootHeader
	for _, name := range w.c.headers {
		if err := w.header(name, m.Header[name], s.Header[name]); err != nil {
			return err
		}
	}
	return nil
}

// trailers compares all trailers. Of gRPC the status may stand in the headers
// instead ("Trailers-Only" of the gRPC over HTTP/2 protocol).
func (w *walk) trailers(m, s *Answer) error {
	w.root = rootTrailer
	names := make([]string, 0, len(m.Trailer)+len(s.Trailer))
	for name := range m.Trailer {
		names = append(names, name)
	}
	for name := range s.Trailer {
		names = append(names, name)
	}
	for _, name := range grpcTrailers {
		if m.Header[name] != nil || s.Header[name] != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := w.header(name, trailer(m, name), trailer(s, name)); err != nil {
			return err
		}
	}
	return nil
}

var grpcTrailers = [...]string{"Grpc-Status", "Grpc-Message"}

func trailer(a *Answer, name string) []string {
	if values := a.Trailer[name]; values != nil || !slices.Contains(grpcTrailers[:], name) {
		return values
	}
	return a.Header[name]
}

// header compares the values of one header. Equal ones cost no allocation.
func (w *walk) header(name string, m, s []string) error {
	if slices.Equal(m, s) {
		return nil
	}
	w.fresh()
	x, err := headerTree(w.a, name, m)
	if err != nil {
		return err
	}
	y, err := headerTree(w.b, name, s)
	if err != nil {
		return err
	}
	w.steps = append(w.steps, step{name: name, index: -1, a: x, b: y})
	defer w.back(1)
	return w.pair(x, y)
}

func headerTree(t *tree, name string, values []string) (int32, error) {
	if len(values) == 0 && !headerSets[name] {
		return none, nil
	}
	read := headerReaders[name]
	if read == nil && len(values) == 1 {
		return t.add(node{name: name, kind: kindString, text: values[0]})
	}
	k := kindObject
	if read == nil {
		k, read = kindList, texts
	}
	root, err := t.add(node{name: name, kind: k})
	if err != nil {
		return none, err
	}
	return root, read(&parent{tree: t, node: root}, values)
}

func texts(p *parent, values []string) error {
	for _, v := range values {
		if _, err := p.add(node{kind: kindString, text: v}); err != nil {
			return err
		}
	}
	return nil
}

// presence says that the header is there, and nothing of its value.
func presence(*parent, []string) error { return nil }

// parameters reads a value with parameters: RFC 9110 sections 5.6.6 and 8.3.1.
// Several values are none: which of them counts is each client's own affair.
func parameters(p *parent, values []string) error {
	if len(values) > 1 {
		for _, v := range values {
			if _, err := p.add(node{name: "value", kind: kindString, text: v}); err != nil {
				return err
			}
		}
		return nil
	}
	return parameter(p, values[0])
}

func parameter(p *parent, v string) error {
	kind, params, err := mime.ParseMediaType(v)
	if err != nil {
		kind, params = v, nil
	}
	if _, err := p.add(node{name: "value", kind: kindString, text: kind}); err != nil {
		return err
	}
	for name, value := range params {
		if name == "boundary" {
			continue
		}
		if name == "charset" {
			value = strings.ToLower(value)
			if f := formatOf(kind).name; (f == "json" || f == "ndjson") && value == "utf-8" {
				continue
			}
		}
		if _, err := p.add(node{name: name, kind: kindString, text: value}); err != nil {
			return err
		}
	}
	p.tree.sort(p.node) // the map has no order
	return nil
}

// directives reads a comma-separated set whose members may have a value.
func directives(p *parent, values []string) error {
	seen := map[string]bool{}
	for _, v := range values {
		for _, part := range members(v) {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			name = strings.ToLower(strings.TrimSpace(name))
			value = strings.Trim(strings.TrimSpace(value), `"`)
			if name == "" || seen[name+"="+value] {
				continue
			}
			seen[name+"="+value] = true
			if _, err := p.add(node{name: name, kind: kindString, text: value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// members splits a list at the commas that are not in a quoted string (RFC 9110
// sections 5.6.1 and 5.6.4).
func members(list string) (out []string) {
	quoted, from := false, 0
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == '\\' && quoted:
			i++
		case list[i] == ',' && !quoted:
			out, from = append(out, list[from:i]), i+1
		}
	}
	return append(out, list[min(from, len(list)):])
}

// cookies reads names and attributes. Two cookies of one name are told apart by
// their order.
func cookies(p *parent, values []string) error {
	for _, v := range values {
		pair, attributes, _ := strings.Cut(v, ";")
		name, _, _ := strings.Cut(pair, "=")
		self, err := p.add(node{name: strings.TrimSpace(name), kind: kindObject})
		if err != nil {
			return err
		}
		at := parent{tree: p.tree, node: self}
		for part := range strings.SplitSeq(attributes, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name == "" {
				continue
			}
			value = strings.TrimSpace(value)
			switch name {
			case "Expires":
				value = p.tree.over(value)
			case "Domain":
				value = strings.ToLower(strings.TrimPrefix(value, "."))
			case "Samesite":
				value = strings.ToLower(value)
			}
			if _, err := at.add(node{name: name, kind: kindString, text: value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// over says of the date of a cookie whether it is over, which removes the cookie;
// when it will be is not compared.
func (t *tree) over(date string) string {
	for _, spelled := range [...]string{date, strings.ReplaceAll(date, "-", " ")} { // PHP's 01-Jan-1970
		if at, err := http.ParseTime(spelled); err == nil && !at.After(t.now) {
			return "over"
		}
	}
	return ""
}

// locations reads URLs in the normal form of RFC 3986 section 6.2.2 and 6.2.3,
// as far as it is the same resource for certain.
func locations(p *parent, values []string) error {
	for _, v := range values {
		if u, err := url.Parse(v); err == nil && u.Host != "" {
			u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
			for scheme, port := range map[string]string{"http": ":80", "https": ":443"} {
				if u.Scheme == scheme {
					u.Host = strings.TrimSuffix(u.Host, port)
				}
			}
			if u.Path == "" {
				u.Path = "/"
			}
			v = u.String()
		}
		if _, err := p.add(node{name: "url", kind: kindString, text: v}); err != nil {
			return err
		}
	}
	return nil
}
