package rails

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
)

// maxCookie is more than any browser sends, in bytes.
const maxCookie = 16 << 10

// mark is behind the value of a session that a remember-me cookie came with. No
// value of a cookie has it.
const mark = ";remember"

var errRemember = errors.New("nobody is signed in by the session, and there is a remember-me cookie, by which Devise may")

// Names are the cookies that the session is made of, and Devise's remember-me
// cookie, which signs in whoever has it (Devise::Controllers::Rememberable).
func (s *Sessions) Names() []string {
	if s.remember == "" {
		return []string{s.config.CookieName}
	}
	return []string{s.config.CookieName, s.remember}
}

// Cookie answers the session cookie's value as it stands in the request, marked
// when there is a remember-me cookie, too. It splits as
// Rack::Utils.parse_cookies_header: at semicolons and the blanks after them, names
// as they are. ok is false when the outcome is already known: there is no cookie,
// or there are two with different values, of which Rack takes the first and others
// the last; or it is in one of several Cookie lines, which servers join in
// different ways.
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	lines, remembered := header["Cookie"], false
	for _, line := range lines {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			line = strings.TrimLeft(line, " ")
			name, text, _ := strings.Cut(pair, "=")
			if name != s.config.CookieName {
				remembered = remembered || s.remember != "" && name == s.remember
				continue
			}
			if ok && text != value || len(lines) > 1 {
				return "", session.Unknown(session.AmbiguousCookie, nil), false
			}
			value, ok = text, true
		}
	}
	switch {
	case value == "" && remembered:
		return "", session.Unknown(session.Unsupported, errRemember), false
	case value == "":
		return "", session.Nobody(session.NoCookie), false
	case remembered:
		value += mark
	}
	return value, session.Outcome{}, true
}

// unescape does as URI.decode_www_form_component, and as Rack when that refuses a
// bad escape: then the text stays as it is.
func unescape(text string) string {
	if out, err := url.QueryUnescape(text); err == nil {
		return out
	}
	return text
}
