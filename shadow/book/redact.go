package book

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// publicAnswer are headers of an answer that say how it is to be read.
var publicAnswer = []string{"header.Content-Language", "header.Vary", "header.Cache-Control"}

// media is a media type without parameters (RFC 9110, section 8.3.1), which may
// be the name of somebody's file.
var media = regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}$`)

// public tells whether a difference says how an answer is to be read, and nothing
// of what it says.
func public(general string, d *diff.Difference) bool {
	typed := func(l diff.Leaf) bool { return l.Text == "" || media.MatchString(l.Text) }
	switch general {
	case "status", "header.Content-Type.charset":
		return true
	case "header.Content-Type.value":
		return typed(d.Monolith) && typed(d.Service)
	}
	return slices.ContainsFunc(publicAnswer, func(name string) bool {
		rest, ours := strings.CutPrefix(general, name)
		return ours && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// hash is 8 hexadecimal digits that are the same for equal values.
func hash(key []byte, value string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(value))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// printable makes one line of text of foreign bytes: no control characters, no
// invalid UTF-8, so many bytes at most.
func printable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// word makes of a why that is none of a closed set (letters, digits, _ and -)
// "other", so that what it counts is bounded and holds nothing of a request.
func word(why string) string {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if len(why) > 40 || strings.IndexFunc(why, bad) >= 0 {
		return "other"
	}
	return why
}

// generalPath is the path that a difference's signature has: positions and names
// that look like data are * in it.
func generalPath(d *diff.Difference) string {
	if i := strings.LastIndex(d.Signature, " "+string(d.Kind)); i >= 0 {
		return d.Signature[:i]
	}
	return d.Signature
}

var position = regexp.MustCompile(`\[\d+\]`)

// safePath is the path of a difference, or only its general form, with a hash,
// when it has names that look like data.
func safePath(key []byte, d *diff.Difference) string {
	general := generalPath(d)
	if position.ReplaceAllLiteralString(d.Path, "[*]") == general {
		return d.Path
	}
	return general + "~" + hash(key, d.Path)
}

// leaf is a value for a sample.
func leaf(key []byte, l diff.Leaf, open bool) string {
	switch {
	case l.Type == "none":
		return "none"
	case open && l.Digest != "":
		return strconv.Quote(l.Text) + "… (" + strconv.Itoa(l.Size) + " bytes, " + l.Digest[:min(8, len(l.Digest))] + ")"
	case open && l.Text != "" && l.Type != "string":
		return printable(l.Text, 1000)
	case open && l.Type == "string":
		return strconv.Quote(l.Text)
	default:
		return l.Redacted(key)
	}
}

// requestLine is a request's target with placeholders: one with hashes to be
// read, and one without to be filled in.
type requestLine struct{ hashed, plain string }

// target redacts path and query. Segments that the route's pattern names are
// kept, and so is what the clear list allows.
func target(key []byte, raw, pattern string, open []string) (line requestLine) {
	path, query, _ := strings.Cut(raw, "?")
	names := patternSegments(pattern)
	for i, segment := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		if i == maxSegments {
			line.hashed, line.plain = line.hashed+"/…", line.plain+"/…"
			break
		}
		name := segmentName(names, i)
		switch {
		case segment == "" || name == segment:
			line.both("/"+segment, "/"+segment)
		case slices.Contains(open, "request.path"):
			line.both("/"+printable(segment, maxValue), "/"+printable(segment, maxValue))
		default:
			line.both("/{"+strings.Trim(name, "{}.$")+"~"+hash(key, segment)+"}", "/{"+strings.Trim(name, "{}.$")+"}")
		}
	}
	line.query(key, query, open)
	return line
}

const (
	maxSegments   = 30
	maxParameters = 30
	maxValue      = 200
)

func (l *requestLine) both(hashed, plain string) { l.hashed, l.plain = l.hashed+hashed, l.plain+plain }

// query keeps the names of parameters that do not look like data.
func (l *requestLine) query(key []byte, query string, open []string) {
	if query == "" {
		return
	}
	separator := "?"
	for i, pair := range strings.Split(query, "&") {
		if i == maxParameters {
			l.both("&…", "")
			return
		}
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		switch {
		case err != nil || !plainName(plain):
			l.both(separator+"{~"+hash(key, name)+"}={~"+hash(key, value)+"}", separator+"{name}={value}")
		case slices.Contains(open, "request.query."+plain):
			text := separator + plain + "=" + printable(value, maxValue)
			l.both(text, text)
		default:
			l.both(separator+plain+"={"+plain+"~"+hash(key, value)+"}", separator+plain+"={"+plain+"}")
		}
		separator = "&"
	}
}

// plainName tells whether the name of a parameter is one that a program gave.
func plainName(name string) bool {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.[]", r)
	}
	return name != "" && strings.IndexFunc(name, bad) < 0 && !diff.LooksLikeData(name)
}

// patternSegments are the segments of a pattern's path.
func patternSegments(pattern string) []string {
	i := strings.IndexByte(pattern, '/')
	if i < 0 {
		return nil
	}
	return strings.Split(pattern[i+1:], "/")
}

// segmentName is what the pattern has at a place: a literal, or {name}.
func segmentName(names []string, i int) string {
	if len(names) > 0 && i >= len(names)-1 && strings.HasSuffix(names[len(names)-1], "...}") {
		return names[len(names)-1]
	}
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "{segment}"
}
