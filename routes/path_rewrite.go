package routes

import (
	"fmt"
	"net/url"
	"strings"
)

// parseRewrite parses the path a service is asked for, in the language of
// patterns; its wildcards are those of p. A trailing slash or {$} is a slash.
// The rest of a path, {name...}, may also be written {name}. Empty means nil.
func parseRewrite(rewrite string, p pattern) ([]segment, error) {
	if rewrite == "" {
		return nil, nil
	}
	if rewrite[0] != '/' {
		return nil, fmt.Errorf("rewrite %q: a path starts with a slash", rewrite)
	}
	segments, err := parseSegments(rewrite)
	if err != nil {
		return nil, fmt.Errorf("rewrite %q: %w", rewrite, err)
	}
	for i, s := range segments {
		if s.kind == segLiteral || s.text == "" {
			continue
		}
		at := p.wildcard(s.text)
		if at < 0 {
			return nil, fmt.Errorf("rewrite %q: the pattern has no wildcard {%s}", rewrite, s.text)
		}
		if p.segments[at].kind == segRest && i != len(segments)-1 {
			return nil, fmt.Errorf("rewrite %q: {%s...} must be its last segment", rewrite, s.text)
		}
		if s.kind == segRest && p.segments[at].kind == segWild {
			return nil, fmt.Errorf("rewrite %q: {%s} is one segment, write it without the dots", rewrite, s.text)
		}
	}
	return segments, nil
}

// wildcard is the place of the segment with that name, -1 when there is none.
func (p pattern) wildcard(name string) int {
	for i, s := range p.segments {
		if s.kind != segLiteral && s.text == name {
			return i
		}
	}
	return -1
}

// Rewrite gives the path the route's service is asked for, decoded and encoded
// as url.URL has it, of a request path that the route matches. What wildcards
// stand for is kept byte for byte as it was sent. Without a rewrite both stay
// as they are.
func (e *Entry) Rewrite(path, rawPath string) (newPath, newRawPath string) {
	if e.rewrite == nil {
		return path, rawPath
	}
	sent := rawPath
	if sent == "" {
		sent = (&url.URL{Path: path}).EscapedPath()
	}
	var raw strings.Builder
	for _, s := range e.rewrite {
		raw.WriteByte('/')
		switch {
		case s.kind == segLiteral:
			raw.WriteString(url.PathEscape(s.text))
		case s.text != "":
			raw.WriteString(e.pattern.capture(s.text, sent))
		}
	}
	u, err := url.Parse(raw.String())
	if err != nil || u.Path == "" {
		return path, rawPath // not after Match: captures are well encoded
	}
	return u.Path, u.RawPath
}

// capture is what the wildcard stands for in an encoded path that p matches.
func (p pattern) capture(name, sent string) string {
	for _, s := range p.segments {
		if sent == "" {
			return ""
		}
		if s.kind == segRest && s.text == name {
			return sent[1:]
		}
		var text string
		text, sent = cutSegment(sent)
		if s.kind == segWild && s.text == name {
			return text
		}
	}
	return ""
}
