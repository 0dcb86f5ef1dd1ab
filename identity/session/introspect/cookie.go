package introspect

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Names are the cookies that the session is made of.
func (s *Sessions) Names() []string { return s.config.Cookies }

// A value is what is sent: the Cookie header and then the listed headers, in the
// configuration's order, each on a line of its own; one that the request does not
// have is an empty line. So whatever changes the answer changes the value.
const newline = "\n"

var errControl = errors.New("a session cookie or a listed header has a control character in it")

// Cookie answers what the monolith will be asked. The pairs of the Cookie header
// are kept as they are, without the blanks around them. ok is false when the
// outcome is already known: none of the cookies is there, one is there twice with
// different values, or they are in several Cookie lines, which servers join in
// different ways.
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	lines := header["Cookie"]
	cookie := ""
	for _, name := range s.config.Cookies {
		pair, outcome, found := find(lines, name)
		switch {
		case outcome.Reason == session.AmbiguousCookie, found && len(lines) > 1:
			return "", session.Unknown(session.AmbiguousCookie, nil), false
		case !found:
		case cookie == "":
			cookie = pair
		default:
			cookie += "; " + pair
		}
	}
	if cookie == "" {
		return "", session.Nobody(session.NoCookie), false
	}
	value = cookie
	if len(s.headers) > 0 {
		parts := append(make([]string, 0, len(s.headers)+1), cookie)
		for _, name := range s.headers {
			parts = append(parts, strings.Join(header[name], ", ")) // RFC 9110, section 5.3
		}
		value = strings.Join(parts, newline)
	}
	if strings.Count(value, newline) != len(s.headers) || strings.ContainsAny(value, "\r\x00") {
		return "", session.Unknown(session.Undecodable, errControl), false
	}
	return value, session.Outcome{}, true
}

// foreign are bytes beside ASCII's, some of which are blanks to some servers: the
// monolith may know a name with one around it as that without.
func foreign(r rune) bool { return r >= utf8.RuneSelf }

// find answers the one pair of a cookie's name; a cookie without a value is none.
func find(lines []string, name string) (pair string, known session.Outcome, ok bool) {
	for _, line := range lines {
		for len(line) > 0 {
			var this string
			this, line, _ = strings.Cut(line, ";")
			this = strings.Trim(this, " \t")
			key, text, _ := strings.Cut(this, "=")
			if key = strings.Trim(key, " \t"); key != name {
				if strings.TrimFunc(key, foreign) == name {
					return "", session.Unknown(session.AmbiguousCookie, nil), false
				}
				continue
			}
			if text == "" && pair == "" {
				continue
			}
			if ok && this != pair {
				return "", session.Unknown(session.AmbiguousCookie, nil), false
			}
			pair, ok = this, true
		}
	}
	return pair, session.Outcome{}, ok
}

// header is a value as what is sent.
func (s *Sessions) header(value string) http.Header {
	lines := strings.Split(value, newline)
	out := http.Header{"Accept": {"application/json"}, marker: {"1"}, "Cookie": {lines[0]}}
	if s.config.Bearer != "" {
		out["Authorization"] = []string{"Bearer " + s.config.Bearer}
	}
	out["User-Agent"] = nil // net/http's own; the list may set it
	for i, name := range s.headers {
		if i+1 < len(lines) && lines[i+1] != "" {
			out[name] = []string{lines[i+1]}
		}
	}
	return out
}

// marker says that a request is the proxy's own question.
const marker = "X-Strangler-Introspect"
