package routes

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PPM is a share in parts per million, 0 to One; also a bucket, 0 to One-1.
type PPM uint32

const (
	// One is the whole: 100 %.
	One PPM = 1_000_000
	// NoBucket marks a decision that needed no bucket.
	NoBucket PPM = 1<<32 - 1
)

// onePercent is 1 % in parts per million.
const onePercent = One / 100

// percentDecimals is how many decimals of a percent a PPM can hold.
const percentDecimals = 4

// ErrPercent is the error of ParsePercent: a share that a bucket cannot hold is
// refused rather than rounded, because it is a promise to users.
var ErrPercent = errors.New("a percentage is 0 to 100 with at most four decimals, such as 12.5")

// ParsePercent reads a share written in percent: "25", "12.5", "0.0001", with a
// "%" behind it or not. Anything else is ErrPercent: a sign, an exponent, a
// comma, more than four decimals, more than 100.
func ParsePercent(s string) (PPM, error) {
	number := s
	if cut, found := strings.CutSuffix(s, "%"); found {
		number = strings.TrimSuffix(cut, " ")
	}
	whole, fraction, point := strings.Cut(number, ".")
	octal := len(whole) > 1 && whole[0] == '0' // to some YAML parsers
	if octal || !isDigits(whole, 3) || point && !isDigits(fraction, percentDecimals) {
		return 0, fmt.Errorf("%q: %w", shorten(s), ErrPercent)
	}
	fraction += strings.Repeat("0", percentDecimals-len(fraction))
	value, err := strconv.ParseUint(whole+fraction, 10, 32)
	if err != nil || PPM(value) > One {
		return 0, fmt.Errorf("%q: %w", shorten(s), ErrPercent)
	}
	return PPM(value), nil
}

// isDigits reports whether s is one to limit decimal digits.
func isDigits(s string, limit int) bool {
	return s != "" && len(s) <= limit && strings.Trim(s, "0123456789") == ""
}

// String is the share in percent without rounding: "12.5 %", or "no bucket".
func (p PPM) String() string {
	if p == NoBucket {
		return "no bucket"
	}
	text := strconv.FormatUint(uint64(p/onePercent), 10)
	if fraction := p % onePercent; fraction > 0 {
		text += strings.TrimRight(fmt.Sprintf(".%04d", uint32(fraction)), "0")
	}
	return text + " %"
}

// Percent is the share in percent, 0 to 100.
func (p PPM) Percent() float64 { return float64(p) / float64(onePercent) }
