package django

import (
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

var _ session.Reader = (*Sessions)(nil)

// Names implements session.Reader: the one cookie.
func (s *Sessions) Names() []string { return []string{s.config.CookieName} }

// Cookie answers the value of the session cookie, as Django's parse_cookie
// (django/http/cookie.py) reads it: blanks around names and values go, quoted
// values are unquoted. ok is false when the outcome is already known: there is
// no cookie, or there are two with different values, of which Django takes the
// last and others the first; or there are bytes beside ASCII's in it, which are
// other characters, and other blanks, under ASGI (Latin-1) than under WSGI (UTF-8).
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	for _, line := range header["Cookie"] {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, text, named := strings.Cut(pair, "=")
			if !named || strings.TrimFunc(name, blankOrForeign) != s.config.CookieName {
				continue
			}
			if strings.ContainsFunc(pair, foreign) {
				return "", session.Unknown(session.AmbiguousCookie, errForeign), false
			}
			text = unquote(strings.TrimFunc(text, blank))
			if ok && text != value {
				return "", session.Unknown(session.AmbiguousCookie, nil), false
			}
			value, ok = text, true
		}
	}
	if !ok || value == "" {
		return "", session.Nobody(session.NoCookie), false
	}
	return value, session.Outcome{}, true
}

// blank is what Python's str.strip removes.
func blank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

var errForeign = errors.New("a session cookie with characters beside ASCII's in it, which WSGI and ASGI read differently")

func foreign(r rune) bool { return r >= utf8.RuneSelf }

func blankOrForeign(r rune) bool { return blank(r) || foreign(r) }

// unquote does as http.cookies._unquote: a value in double quotes loses them,
// and in it \ooo is a character by its number, \x the character x.
func unquote(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	text = text[1 : len(text)-1]
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\' || i+1 == len(text):
			out.WriteByte(text[i])
		case i+3 < len(text) && octal(text[i+1], '3') && octal(text[i+2], '7') && octal(text[i+3], '7'):
			out.WriteRune(rune(text[i+1]-'0')<<6 | rune(text[i+2]-'0')<<3 | rune(text[i+3]-'0'))
			i += 3
		default:
			i++
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

func octal(digit, most byte) bool { return '0' <= digit && digit <= most }

// sessionID says whether a cookie can be the name of a stored session. Django
// writes 32 lower-case letters and digits and asks only for eight characters of
// any kind; what else could be there was put there by someone else.
func sessionID(cookie string) bool {
	if len(cookie) < 8 || len(cookie) > 40 {
		return false
	}
	for _, c := range []byte(cookie) {
		if !alphanumeric(c) {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
