package routes

import "strings"

// value is what a request has at a source.
type value struct {
	state valueState
	text  string // of a single value
}

type valueState uint8

const (
	missing  valueState = iota
	single              // once, or more than once with the same text
	several             // more than once with different texts
	doubtful            // servers may disagree whether it is there, or what it is
)

// add takes in one more occurrence.
func (v value) add(text string) value {
	switch {
	case v.state == missing:
		return value{state: single, text: text}
	case v.state == single && v.text != text:
		return value{state: several}
	}
	return v
}

// values remembers what a match has read already, as far as there is room.
type values struct {
	count   int
	sources [6]int
	read    [6]value
}

// value is the request's value at a source, by its number.
func (w *walk) value(number int) value {
	seen := &w.values
	for i := range seen.count {
		if seen.sources[i] == number {
			return seen.read[i]
		}
	}
	v := w.table.sources[number].value(&w.request)
	if seen.count < len(seen.read) {
		seen.sources[seen.count], seen.read[seen.count] = number, v
		seen.count++
	}
	return v
}

func (s source) value(r *Request) (v value) {
	switch s.kind {
	case fromQuery:
		return queryValue(r.RawQuery, s.name)
	case fromCookie:
		return cookieValue(r.Header["Cookie"], s.name)
	default:
		for _, text := range r.Header[s.name] {
			v = v.add(text)
		}
		return v
	}
}

// maxParameters is how many query parameters are looked at: frameworks stop
// reading, or refuse, after a number of their own (Django after 1,000).
const maxParameters = 1000

// queryValue finds a parameter in a query as it was sent. It is in doubt when
//
//   - a semicolon is in the query, which some servers read as another &,
//   - a number sign is in it, where some end it,
//   - there are too many parameters,
//   - the name of any parameter, or the value of this one, is not encoded as
//     it should be: how that is read differs.
func queryValue(query, name string) (v value) {
	if strings.ContainsAny(query, ";#") {
		return value{state: doubtful}
	}
	for count := 0; query != ""; count++ {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, text, _ := strings.Cut(pair, "=")
		same, ok := equalDecoded(key, name)
		if count == maxParameters || !ok {
			return value{state: doubtful}
		}
		if !same || pair == "" {
			continue
		}
		if text, ok = decodeQuery(text); !ok {
			return value{state: doubtful}
		}
		v = v.add(text)
	}
	return v
}

// equalDecoded reports whether the encoded text is name, and whether it is
// encoded well and without control bytes, at which some servers end a name.
func equalDecoded(encoded, name string) (same, ok bool) {
	same = true
	at := 0
	for i := 0; i < len(encoded); i++ {
		c := encoded[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if c, ok = unhexPair(encoded[i+1:]); !ok {
				return false, false
			}
			i += 2
		}
		if c < ' ' {
			return false, false
		}
		same = same && at < len(name) && name[at] == c
		at++
	}
	return same && at == len(name), true
}

// decodeQuery decodes + and percent-encoding; it allocates when there is any.
func decodeQuery(text string) (decoded string, ok bool) {
	if strings.IndexByte(text, '%') < 0 && strings.IndexByte(text, '+') < 0 {
		return text, true
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if c, ok = unhexPair(text[i+1:]); !ok {
				return "", false
			}
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}

// cookieValue finds a cookie in the lines of the Cookie header (RFC 6265, 5.4).
// It is in doubt when its name stands without a =, when blanks are around the =
// and when its value is quoted: servers read that differently.
func cookieValue(lines []string, name string) (v value) {
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, text, found := strings.Cut(trimBlanks(pair), "=")
			if trimBlanks(key) != name {
				continue
			}
			if !found || key != name || trimBlanks(text) != text || strings.IndexByte(text, '"') >= 0 {
				return value{state: doubtful}
			}
			v = v.add(text)
		}
	}
	return v
}

func trimBlanks(s string) string { return strings.Trim(s, " \t") }
