package routes

import (
	"strings"
	"unicode/utf8"
)

// pathClass sorts the bytes of a decoded path for ambiguousPath.
type pathClass uint8

const (
	plain    pathClass = iota
	refused            // never in a path that all servers read alike
	divider            // a slash: what follows may be an empty or a dot segment
	percent            // may be the first byte of a second encoding
	nonASCII           // must be UTF-8
)

var pathClasses = func() (classes [256]pathClass) {
	for c := range classes {
		switch {
		case c < ' ' || c == 0x7f || c == '\\' || c == ';':
			classes[c] = refused
		case c == '/':
			classes[c] = divider
		case c == '%':
			classes[c] = percent
		case c >= utf8.RuneSelf:
			classes[c] = nonASCII
		}
	}
	return classes
}()

// ambiguousPath reports whether servers may read the path differently: then no
// route may claim it. path is decoded; rawPath is the encoded form as url.URL
// has it, empty when it is path's default encoding. Ambiguous are
//
//   - a path that is empty or does not start with a slash (OPTIONS *, CONNECT),
//   - empty and dot segments, also encoded ones: some servers merge them,
//   - a backslash, which some take for a slash, and an encoded slash,
//   - a semicolon, encoded or not: Java servers cut it and what follows off,
//   - a number sign that was sent unencoded: a fragment to some,
//   - control bytes, and bytes that are not UTF-8,
//   - what a second decoding would change (%2541),
//   - a rawPath that is no encoding of path: something changed one of the two.
func ambiguousPath(path, rawPath string) bool {
	if path == "" || path[0] != '/' {
		return true
	}
	checkUTF8 := false
	for i := range len(path) {
		switch pathClasses[path[i]] {
		case plain:
		case refused:
			return true
		case divider:
			if emptyOrDots(path[i+1:]) {
				return true
			}
		case percent:
			if i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
				return true
			}
		case nonASCII:
			checkUTF8 = true
		}
	}
	return checkUTF8 && !utf8.ValidString(path) || rawPath != "" && !encodes(rawPath, path)
}

// emptyOrDots reports whether the first segment of rest, which follows a slash,
// is ".", ".." or empty with more to come.
func emptyOrDots(rest string) bool {
	if rest == "" {
		return false // the path ends with a slash
	}
	if rest[0] == '/' {
		return true
	}
	for n := 0; n < 2 && n < len(rest) && rest[n] == '.'; n++ {
		if n+1 == len(rest) || rest[n+1] == '/' {
			return true
		}
	}
	return false
}

// encodes reports whether raw is an encoding of path in which no slash is
// encoded and no number sign is not.
func encodes(raw, path string) bool {
	at := 0
	for i := 0; i < len(raw); at++ {
		c, next := raw[i], i+1
		if c == '#' {
			return false
		}
		if c == '%' {
			var ok bool
			if c, ok = unhexPair(raw[i+1:]); !ok || c == '/' {
				return false
			}
			next = i + 3
		}
		if at == len(path) || path[at] != c {
			return false
		}
		i = next
	}
	return at == len(path)
}

// unhexPair is the byte that the two hexadecimal digits at the start of s name.
func unhexPair(s string) (byte, bool) {
	if len(s) < 2 || !isHex(s[0]) || !isHex(s[1]) {
		return 0, false
	}
	return unhex(s[0])<<4 | unhex(s[1]), true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// maxHost is the longest host that is compared with those of patterns; a DNS
// name has at most 253 bytes (RFC 1035, 2.3.4).
const maxHost = 255

// HostName is the host that a Host header names, as routes are matched by it: in
// lower case, without a port and a trailing dot.
func HostName(host string) string {
	name, lower := hostName(host)
	if lower {
		return name
	}
	return strings.ToLower(name)
}

// hostName is host without its port and a trailing dot, and whether it is in
// lower case already.
func hostName(host string) (name string, lower bool) {
	name = strings.TrimSuffix(host[:hostEnd(host)], ".")
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return name, false
		}
	}
	return name, true
}

// hostEnd is where the host's name ends and its port, if any, begins. An IPv6
// address keeps its brackets; without them its colons are no port's.
func hostEnd(host string) int {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host[i:], ']') >= 0 {
		return len(host)
	}
	if host[0] != '[' && strings.IndexByte(host, ':') != i {
		return len(host)
	}
	for _, c := range []byte(host[i+1:]) {
		if c < '0' || c > '9' {
			return len(host)
		}
	}
	return i
}
