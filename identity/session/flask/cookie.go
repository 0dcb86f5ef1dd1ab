package flask

import (
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Cookie answers the value of the session cookie, marked when there is a remember
// cookie too. Werkzeug takes the first of two cookies; two that differ are nobody's
// here. What its versions read differently is ambiguous: a name with other blanks
// than ASCII's around it, a value with backslashes, and quotes around semicolons
// (werkzeug/_internal.py, _cookie_parse_impl, up to 2.2; werkzeug/sansio/http.py,
// parse_cookie, later). Flask itself writes neither.
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	found, doubt, remember := false, false, false
	for _, line := range header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			raw, text, _ := strings.Cut(pair, "=")
			text = strings.Trim(text, blanks)
			doubt = doubt || !closed(text)
			name := strings.TrimSpace(raw)
			remember = remember || name == s.config.RememberCookie
			if name != s.config.CookieName {
				continue
			}
			text, plain := unquote(text)
			doubt = doubt || !plain || found && text != value || strings.Trim(raw, blanks) != name
			value, found = text, true
		}
	}
	switch {
	case doubt && (found || remember):
		return "", session.Unknown(session.AmbiguousCookie, nil), false
	case value == "" && remember:
		return "", session.Unknown(session.Unsupported, errRemember), false
	case value == "":
		return "", session.Nobody(session.NoCookie), false
	case remember:
		value += mark
	}
	return value, session.Outcome{}, true
}

// blanks are ASCII's, which Python strips of bytes.
const blanks = " \t\n\r\v\f"

// mark is behind the value of a session that a remember cookie came with. No
// value of a cookie has it.
const mark = ";remember"

func remembered(value string) (text string, remember bool) { return strings.CutSuffix(value, mark) }

// closed says whether a value ends where the semicolon is for every version: up to
// Werkzeug 2.2, one that begins with a quote goes on to the next quote.
func closed(text string) bool {
	if text == "" || text[0] != '"' {
		return true
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return true
		}
	}
	return false
}

// unquote takes the quotes off a value. plain is false when it holds backslashes,
// which the versions read differently.
func unquote(text string) (value string, plain bool) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text, true
	}
	text = text[1 : len(text)-1]
	return text, !strings.Contains(text, `\`)
}
