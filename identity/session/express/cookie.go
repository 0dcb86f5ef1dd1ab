package express

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

var errBlanks = errors.New("a cookie whose name has blanks around it that not every version takes off")

// find answers the value of a cookie as the cookie package reads it (0.7's
// parse): blanks and tabs around names and values go, and one pair of quotes. The
// first of a name counts there; two that differ are nobody's here. The value is
// empty when the outcome is known.
func find(header http.Header, name string) (value string, known session.Outcome) {
	found := false
	for _, line := range header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, text, named := strings.Cut(pair, "=")
			if !named {
				continue
			}
			key = strings.Trim(key, " \t")
			if key != name {
				if strings.HasSuffix(key, name) && otherwise(key, name) {
					return "", session.Unknown(session.AmbiguousCookie, errBlanks)
				}
				continue
			}
			text = unquote(strings.Trim(text, " \t"))
			if found && text != value {
				return "", session.Unknown(session.AmbiguousCookie, nil)
			}
			value, found = text, true
		}
	}
	if value == "" {
		return "", session.Nobody(session.NoCookie)
	}
	return value, session.Outcome{}
}

// otherwise says whether older versions, which take off every blank of Unicode,
// would read a cookie's name as the one that is looked for.
func otherwise(key, name string) bool {
	for _, c := range []byte(strings.TrimSuffix(key, name)) {
		if c != 0xa0 && c != 0xc2 { // in Latin-1, as node has headers, and in UTF-8
			return false
		}
	}
	return true
}

func unquote(text string) string {
	if text == "" || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	return text[1:max(1, len(text)-1)]
}

// decoded is the cookie package's decode: decodeURIComponent when there is a
// percent sign, and the text as it is when that fails (ECMA-262, Decode).
func decoded(text string) string {
	text = fromLatin1(text)
	if !strings.Contains(text, "%") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out = append(out, text[i])
			continue
		}
		var char [utf8.UTFMax]byte
		n := 0
		for n < len(char) && (n == 0 || !utf8.FullRune(char[:n])) {
			b, ok := escaped(text, i+3*n)
			if !ok {
				return text
			}
			char[n] = b
			n++
		}
		if r, size := utf8.DecodeRune(char[:n]); r == utf8.RuneError && size < 2 || size != n {
			return text
		}
		out = append(out, char[:n]...)
		i += 3*n - 1
	}
	return string(out)
}

// escaped reads the byte that %XX at i stands for.
func escaped(text string, i int) (b byte, ok bool) {
	if i+3 > len(text) || text[i] != '%' {
		return 0, false
	}
	high, low := hex(text[i+1]), hex(text[i+2])
	return byte(high<<4 | low&0xf), high >= 0 && low >= 0
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// fromLatin1 makes UTF-8 of a header as node reads it: a character per byte.
func fromLatin1(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			var out strings.Builder
			for _, c := range []byte(text) {
				out.WriteRune(rune(c))
			}
			return out.String()
		}
	}
	return text
}
