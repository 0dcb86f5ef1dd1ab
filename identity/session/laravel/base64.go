package laravel

import "encoding/base64"

// decode64 is PHP's base64_decode (ext/standard/base64.c): strict skips blanks and
// refuses all else that is none; not strict, it skips whatever is no character of
// base64.
func decode64(text string, strict bool) (out []byte, ok bool) {
	if out, err := base64.StdEncoding.DecodeString(text); err == nil {
		return out, true // as it is always written
	}
	out = make([]byte, 0, len(text)*3/4)
	var bits uint32
	count, padding := 0, 0
	for _, c := range []byte(text) {
		value, kind := sextet(c)
		switch {
		case kind == isPadding:
			padding++
			continue
		case kind == isBlank, kind == isOther && !strict:
			continue
		case kind == isOther, strict && padding > 0:
			return nil, false
		}
		bits = bits<<6 | value
		if count++; count%4 != 1 {
			shift := []int{0, 0, 4, 2}[count%4]
			out = append(out, byte(bits>>shift))
		}
	}
	if strict && (count%4 == 1 || padding > 0 && (padding > 2 || (count+padding)%4 != 0)) {
		return nil, false
	}
	return out, true
}

// What a byte is in base64.
const (
	isCharacter = iota
	isPadding
	isBlank
	isOther
)

func sextet(c byte) (value uint32, kind int) {
	switch {
	case 'A' <= c && c <= 'Z':
		return uint32(c - 'A'), isCharacter
	case 'a' <= c && c <= 'z':
		return uint32(c-'a') + 26, isCharacter
	case '0' <= c && c <= '9':
		return uint32(c-'0') + 52, isCharacter
	case c == '+':
		return 62, isCharacter
	case c == '/':
		return 63, isCharacter
	case c == '=':
		return 0, isPadding
	case c == ' ', c == '\t', c == '\n', c == '\r':
		return 0, isBlank
	}
	return 0, isOther
}
