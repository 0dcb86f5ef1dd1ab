package php

import (
	"errors"
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
)

// maxCookie is more than any browser sends.
const maxCookie = 16 << 10

var errCookie = errors.New("a session cookie of more than 16 KiB")

// Cookie answers the session's ID as PHP finds it (main/php_variables.c): %xx is
// a byte, + stays, quotes and blanks at the end are part of the value, dots and
// blanks in a name are underscores. ok is false when the outcome is already
// known: there is no cookie, or there are several of one name, with different
// values or one that makes an array, of which PHP takes the first and others
// the last.
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	return FindCookie(header, s.config.CookieName)
}

// FindCookie answers the value of a cookie of any name as PHP finds it; see
// [Sessions.Cookie].
func FindCookie(header http.Header, want string) (value string, known session.Outcome, ok bool) {
	for _, line := range header["Cookie"] {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, text, _ := strings.Cut(strings.TrimLeft(pair, " \t\r\n\v\f"), "=")
			same, array := named(name, want)
			if !same {
				continue
			}
			text = Unescape(text)
			if array || ok && text != value {
				return "", session.Unknown(session.AmbiguousCookie, nil), false
			}
			value, ok = text, true
		}
	}
	switch {
	case !ok || value == "":
		return "", session.Nobody(session.NoCookie), false
	case len(value) > maxCookie:
		return "", session.Unknown(session.Unsupported, errCookie), false
	}
	return value, session.Outcome{}, true
}

// named says whether PHP registers a cookie under the name that is wanted, and
// whether as an array. A name that a browser guards (__Host-, __Secure-) must stand
// there as it is: PHP up to 8.1.10 took ..Host- for it, which any neighbour can set
// (CVE-2022-31629).
func named(name, want string) (same, array bool) {
	if len(name) < len(want) {
		return false, false
	}
	for _, guarded := range [...]string{"__Host-", "__Secure-"} {
		if strings.HasPrefix(want, guarded) && !strings.HasPrefix(name, guarded) {
			return false, false
		}
	}
	for i := range len(want) {
		c := name[i]
		if c == ' ' || c == '.' {
			c = '_'
		}
		if c != want[i] {
			return false, false
		}
	}
	return len(name) == len(want) || name[len(want)] == '[', len(name) > len(want)
}

// Unescape is PHP's rawurldecode: %xx is a byte, all else stays.
func Unescape(text string) string {
	at := strings.IndexByte(text, '%')
	if at < 0 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := hex(text[i+1]), hex(text[i+2])
			if high < 16 && low < 16 {
				out.WriteByte(high<<4 | low)
				i += 2
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
