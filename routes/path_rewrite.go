package routes

import (
	"fmt"
	"net/url"
	"strings"
)

// rewritePart is one segment of a rewrite: text as it is sent, or what the
// pattern's segment at from stands for.
type rewritePart struct {
	text string
	from int // -1: text
}

// parseRewrite parses the path a service is asked for, in the language of
// patterns; its wildcards are those of p. A trailing slash and {$} are a slash.
// The rest of a path, {name...}, may also be written {name}. Empty gives nil.
func parseRewrite(rewrite string, p pattern) ([]rewritePart, error) {
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
	parts := make([]rewritePart, len(segments))
	rest := rewrite
	for i, s := range segments {
		parts[i].from = -1
		if parts[i].text, rest = cutSegment(rest); s.kind == segLiteral {
			continue
		}
		parts[i].text = ""
		if s.text == "" {
			continue
		}
		if parts[i].from, err = p.wildcardFor(s, i == len(segments)-1); err != nil {
			return nil, fmt.Errorf("rewrite %q: %w", rewrite, err)
		}
	}
	return parts, nil
}

// wildcardFor is the place of the pattern's wildcard that s names in a rewrite.
func (p pattern) wildcardFor(s segment, last bool) (int, error) {
	for i, own := range p.segments {
		switch {
		case own.kind == segLiteral || own.text != s.text:
		case own.kind == segRest && !last:
			return 0, fmt.Errorf("{%s...} must be its last segment", s.text)
		case own.kind == segWild && s.kind == segRest:
			return 0, fmt.Errorf("{%s} is one segment, write it without the dots", s.text)
		default:
			return i, nil
		}
	}
	return 0, fmt.Errorf("the pattern has no wildcard {%s}", s.text)
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
	for _, part := range e.rewrite {
		raw.WriteByte('/')
		if part.from >= 0 {
			raw.WriteString(e.pattern.capture(part.from, sent))
		} else {
			raw.WriteString(part.text)
		}
	}
	u, err := url.Parse(raw.String())
	if err != nil {
		return path, rawPath // not after Match: captures are well encoded
	}
	return u.Path, u.RawPath
}

// capture is what the segment at a place stands for in an encoded path that p
// matches.
func (p pattern) capture(at int, sent string) string {
	for range at {
		_, sent = cutSegment(sent)
	}
	if p.segments[at].kind == segRest {
		return sent[1:]
	}
	text, _ := cutSegment(sent)
	return text
}
