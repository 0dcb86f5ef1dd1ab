package diff

import (
	"math/big"
	"strconv"
	"strings"
)

// A decimal is a number as it was spelled, ready to be compared exactly: it is
// 0.digits × 10^exp, its digits without zeros at either end. The value zero has
// no digits. It points into the spelling and allocates nothing.
type decimal struct {
	whole, frac string // digits before and after the point, trimmed together
	exp         int64
	negative    bool
}

// maxExponent is the largest exponent that is read as a number. A spelling
// beyond it is equal to the same spelling only: never to another by mistake.
const maxExponent = 1 << 40

// parseDecimal reads a number by the grammar of RFC 8259 section 6.
func parseDecimal(s string) (decimal, bool) {
	if end := scanNumber(s, 0); end != len(s) || end == 0 {
		return decimal{}, false
	}
	var d decimal
	d.negative = s[0] == '-'
	if d.negative {
		s = s[1:]
	}
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var ok bool
		if d.exp, ok = parseExponent(s[i+1:]); !ok {
			return decimal{}, false
		}
		mantissa = s[:i]
	}
	d.whole, d.frac, _ = strings.Cut(mantissa, ".")
	d.trim()
	return d, true
}

// trim drops the zeros at both ends and moves the exponent to the first digit.
func (d *decimal) trim() {
	d.whole = strings.TrimLeft(d.whole, "0")
	d.exp += int64(len(d.whole))
	if d.whole == "" {
		rest := strings.TrimLeft(d.frac, "0")
		d.exp -= int64(len(d.frac) - len(rest))
		d.frac = rest
	}
	d.frac = strings.TrimRight(d.frac, "0")
	if d.frac == "" {
		d.whole = strings.TrimRight(d.whole, "0")
	}
	if d.whole == "" && d.frac == "" {
		*d = decimal{} // every zero is the same, -0 too
	}
}

func parseExponent(s string) (int64, bool) {
	negative := false
	switch {
	case strings.HasPrefix(s, "-"):
		negative, s = true, s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	var n int64
	for i := range len(s) {
		if n = n*10 + int64(s[i]-'0'); n > maxExponent {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

// digit i of the number, counted from its first one that is not zero.
func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.frac[i-len(d.whole)]
}

func (d *decimal) len() int { return len(d.whole) + len(d.frac) }

// equal tells whether two numbers have the same value.
func (d *decimal) equal(o *decimal) bool {
	if d.negative != o.negative || d.exp != o.exp || d.len() != o.len() {
		return false
	}
	for i := range d.len() {
		if d.digit(i) != o.digit(i) {
			return false
		}
	}
	return true
}

// equalNumbers compares two spellings of numbers by value.
func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	x, okA := parseDecimal(a)
	y, okB := parseDecimal(b)
	return okA && okB && x.equal(&y)
}

// maxRatDigits bounds what is turned into a big number: a few bytes of exponent
// would otherwise ask for gigabytes of digits.
const maxRatDigits = 400

// rat is the number as a fraction, for what must be subtracted.
func rat(s string) (*big.Rat, bool) {
	d, ok := parseDecimal(s)
	if !ok || d.len() > maxRatDigits || d.exp > maxRatDigits || d.exp < -maxRatDigits {
		return nil, false
	}
	if d.len() == 0 {
		return new(big.Rat), true
	}
	// Not from s: it may have millions of zeros, and reading them is quadratic.
	return new(big.Rat).SetString(d.sign() + d.whole + d.frac + "e" + strconv.FormatInt(d.exp-int64(d.len()), 10))
}

// scanNumber returns where the number at s[i:] ends, or 0 when there is none.
func scanNumber(s string, i int) int {
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i < len(s) && s[i] == '0':
		i++
	case i < len(s) && s[i] >= '1' && s[i] <= '9':
		i = scanDigits(s, i)
	default:
		return 0
	}
	if i < len(s) && s[i] == '.' {
		end := scanDigits(s, i+1)
		if end == i+1 {
			return 0
		}
		i = end
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		return scanExponent(s, i+1)
	}
	return i
}

// scanExponent returns where the exponent at s[i:] ends, or 0 when there is none.
func scanExponent(s string, i int) int {
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	end := scanDigits(s, i)
	if end == i {
		return 0
	}
	return end
}

func scanDigits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}
