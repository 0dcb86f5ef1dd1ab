package routes

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pattern is a parsed match text, in the language of net/http's ServeMux:
//
//	[METHOD ][HOST]/path/{name}/{rest...}
//
// A path that ends in "/" matches everything below it, one that ends in "/{$}"
// only itself.
type pattern struct {
	method   string // empty: every method
	host     string // lower case, no port; empty: every host
	segments []segment
}

// segment is one piece of a pattern's path.
type segment struct {
	kind segmentKind
	text string // the literal, percent-decoded; or the wildcard's name
}

type segmentKind uint8

// The kinds of segment. A path is ended by at most one of segSlash and segRest.
const (
	segSlash   segmentKind = iota // {$}: the path ends with a slash here
	segRest                       // {name...} or a trailing slash (no name): the rest, may be empty
	segWild                       // {name}: one segment
	segLiteral                    // this text
)

// maxPattern is the longest match text, in bytes. Servers refuse a request line
// long before; and what is made of a pattern has a depth as of its segments.
const maxPattern = 64 << 10

// parsePattern parses s. It refuses what ServeMux refuses, and also what
// ServeMux takes but could never match: a host with a port or in a form no
// request has, an unclean path, bytes that make a path ambiguous.
func parsePattern(s string) (pattern, error) {
	if s == "" {
		return pattern{}, errors.New("empty pattern: write at least /")
	}
	if len(s) > maxPattern {
		return pattern{}, fmt.Errorf("a pattern of %d bytes: no server takes a path that long; at most %d", len(s), maxPattern)
	}
	var p pattern
	rest := s
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		p.method, rest = s[:i], strings.TrimLeft(s[i:], " \t")
		if err := checkMethod(p.method); err != nil {
			return pattern{}, err
		}
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return pattern{}, fmt.Errorf("%q has no path: write [METHOD ][HOST]/path", s)
	}
	host, err := parsePatternHost(rest[:i])
	if err != nil {
		return pattern{}, err
	}
	p.host = host
	p.segments, err = parseSegments(rest[i:])
	return p, err
}

// checkMethod refuses what no request's method is.
func checkMethod(method string) error {
	if method == "" {
		return errors.New("the pattern starts with a space")
	}
	if !isToken(method) {
		return fmt.Errorf("%q cannot be a method", method)
	}
	if upper := strings.ToUpper(method); upper != method {
		return fmt.Errorf("method %q: methods are case-sensitive, write %s", method, upper)
	}
	return nil
}

// isTokenByte reports whether c may be part of a token (RFC 9110, 5.6.2).
func isTokenByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// parsePatternHost gives the host as requests are compared with it.
func parsePatternHost(host string) (string, error) {
	if strings.IndexByte(host, '{') >= 0 {
		return "", fmt.Errorf("host %q: wildcards stand in the path (is a / missing before it?)", host)
	}
	if hostEnd(host) != len(host) {
		return "", fmt.Errorf("host %q: a port is never compared, leave it out", host)
	}
	bracketed := strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
	for i := range len(host) {
		c := host[i]
		if !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' && (!bracketed || strings.IndexByte("[]:%", c) < 0) {
			return "", fmt.Errorf("host %q: %q cannot be part of a host name (no wildcards; IPv6 in brackets; other scripts as xn--…)", host, rune(c))
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), nil
}

// parseSegments takes a path that starts with a slash apart.
func parseSegments(path string) ([]segment, error) {
	segments := make([]segment, 0, strings.Count(path, "/"))
	for rest := path; rest != ""; {
		var text string
		text, rest = cutSegment(rest)
		if text == "" && rest == "" {
			return append(segments, segment{kind: segRest}), nil
		}
		one, err := parseSegment(text)
		if err != nil {
			return nil, err
		}
		if one.kind < segWild && rest != "" {
			return nil, fmt.Errorf("%s must be the last segment of the path", text)
		}
		if one.kind != segLiteral && one.text != "" {
			for _, other := range segments {
				if other.kind != segLiteral && other.text == one.text {
					return nil, fmt.Errorf("two wildcards are named %q", one.text)
				}
			}
		}
		segments = append(segments, one)
	}
	return segments, nil
}

// cutSegment cuts the first segment off a path that starts with a slash; rest
// is empty or starts with a slash again.
func cutSegment(path string) (text, rest string) {
	for i := 1; i < len(path); i++ { // most are shorter than strings.IndexByte is worth
		if path[i] == '/' {
			return path[1:i], path[i:]
		}
	}
	return path[1:], ""
}

func parseSegment(text string) (segment, error) {
	if strings.IndexByte(text, '{') < 0 {
		return parseLiteral(text)
	}
	if text[0] != '{' || text[len(text)-1] != '}' {
		return segment{}, fmt.Errorf("segment %q: a wildcard is the whole segment: {name}, {name...} or {$}", text)
	}
	name := text[1 : len(text)-1]
	if name == "$" {
		return segment{kind: segSlash}, nil
	}
	kind := segWild
	if cut, found := strings.CutSuffix(name, "..."); found {
		name, kind = cut, segRest
	}
	if !isWildcardName(name) {
		return segment{}, fmt.Errorf("segment %q: a wildcard's name is letters, digits and _, and starts with no digit", text)
	}
	return segment{kind: kind, text: name}, nil
}

// isWildcardName: as in ServeMux, a Go identifier.
func isWildcardName(name string) bool {
	for i, c := range name {
		if !unicode.IsLetter(c) && c != '_' && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return name != "" && utf8.ValidString(name)
}

func parseLiteral(text string) (segment, error) {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		return segment{}, fmt.Errorf("segment %q: %q ends a path; conditions on the query go under `when` (a literal one is %%%X)", text, text[i], text[i])
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return segment{}, fmt.Errorf("segment %q: %w", text, err)
	}
	if decoded == "" || strings.IndexByte(decoded, '/') >= 0 || ambiguousPath("/"+decoded, "") {
		return segment{}, fmt.Errorf("segment %q can never match: servers read such a path differently, so it stays with the monolith", text)
	}
	return segment{kind: segLiteral, text: decoded}, nil
}

// wildcards are the names of p's wildcards, in the order of the path.
func (p pattern) wildcards() []string {
	var names []string
	for _, s := range p.segments {
		if s.kind != segLiteral && s.text != "" {
			names = append(names, s.text)
		}
	}
	return names
}
