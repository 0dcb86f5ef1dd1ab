package unserialize

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// unsigned reads digits. A number too large for 64 bits loses its upper bits,
// as in PHP, where it is then a length.
func (s *Stream) unsigned() (n uint64, ok bool) {
	from := s.at
	for ; s.at < len(s.data) && digit(s.data[s.at]); s.at++ {
		n = n*10 + uint64(s.data[s.at]-'0')
	}
	return n, s.at > from
}

// lenient reads the number before an object's content: maybe a sign, maybe no
// digit at all.
func (s *Stream) lenient() int64 {
	from := s.at
	if c := s.peek(0); c == '-' || c == '+' {
		s.at++
	}
	for s.at < len(s.data) && digit(s.data[s.at]) {
		s.at++
	}
	return saturated(s.data[from:s.at])
}

func (s *Stream) integer() (any, error) {
	text, _, ok := strings.Cut(s.data[s.at:], ";")
	if !ok || !digits(unsign(text)) {
		return nil, ErrMalformed
	}
	s.at += len(text) + 1
	return saturated(text), nil
}

// saturated is a number of digits and maybe a sign; what is too large for 64
// bits is the largest.
func saturated(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) { // no digits
		return 0
	}
	return n
}

// float reads what zend_strtod does of PHP's grammar for it: a sign, digits with
// a dot somewhere or none, an exponent.
func (s *Stream) float() (any, error) {
	text, _, ok := strings.Cut(s.data[s.at:], ";")
	if !ok {
		return nil, ErrMalformed
	}
	s.at += len(text) + 1
	switch text {
	case "NAN":
		return math.NaN(), nil
	case "INF":
		return math.Inf(1), nil
	case "-INF":
		return math.Inf(-1), nil
	}
	mantissa := unsign(text)
	if e := strings.IndexAny(mantissa, "eE"); e >= 0 {
		if !digits(unsign(mantissa[e+1:])) {
			return nil, ErrMalformed
		}
		mantissa = mantissa[:e]
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	if !digits(whole + part) {
		return nil, ErrMalformed
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range: infinity or zero, as PHP
	return f, nil
}

func unsign(text string) string {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		return text[1:]
	}
	return text
}

func digits(text string) bool {
	for i := range len(text) {
		if !digit(text[i]) {
			return false
		}
	}
	return text != ""
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
