package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// number reads an integer, a truth value in the old spelling, or a float.
func (m *machine) number(op byte) (any, error) {
	switch op {
	case opBinint1:
		n, err := m.size(1)
		return int64(n), err
	case opBinint2:
		n, err := m.size(2)
		return int64(n), err
	case opBinint:
		b, err := m.read(4)
		if err != nil {
			return nil, err
		}
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	case opBinfloat:
		b, err := m.read(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case opLong1:
		return m.long(1)
	case opLong4:
		return m.long(4)
	}
	line, err := m.line()
	if err != nil {
		return nil, err
	}
	if op == opFloat {
		return float(string(line))
	}
	return integer(op, string(line))
}

// long reads a little-endian integer in two's complement.
func (m *machine) long(width int) (any, error) {
	size, err := m.size(width)
	if err != nil {
		return nil, err
	}
	if size > maxLong {
		return nil, fmt.Errorf("%w: an integer of %d bytes", ErrLimit, size)
	}
	b, err := m.read(size)
	if err != nil || size == 0 {
		return int64(0), err
	}
	b = slices.Clone(b)
	slices.Reverse(b)
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return small(n), nil
}

// small answers an int64 when the number is one.
func small(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

func integer(op byte, text string) (any, error) {
	switch {
	case op == opInt && (text == "00" || text == "01"):
		return text == "01", nil
	case op == opLong:
		text = strings.TrimSuffix(text, "L")
	}
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > 1 && digits[0] == '0' {
		return nil, fmt.Errorf("%w: an integer in another spelling", ErrUnsupported)
	}
	if len(digits) > maxText {
		return nil, fmt.Errorf("%w: an integer of %d digits", ErrLimit, len(digits))
	}
	n, _ := new(big.Int).SetString(text, 10)
	return small(n), nil
}

func float(text string) (any, error) {
	if strings.Trim(text, "0123456789+-.einfa") != "" {
		return nil, fmt.Errorf("%w: a float in another spelling", ErrUnsupported)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: a float that is none", ErrMalformed)
	}
	return f, nil
}

func index(text []byte) (int, error) {
	n, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%w: a memo index that is none", ErrMalformed)
	}
	return int(n), nil
}

func (m *machine) bytes(op byte) (any, error) {
	b, err := m.counted(map[byte]int{opShortBinbytes: 1, opBinbytes: 4, opBytearray8: 8}[op])
	if op == opBytearray8 && err == nil {
		return &object{class: classBytearray, made: b}, nil
	}
	return b, err
}

// counted reads a length of width bytes and as many bytes.
func (m *machine) counted(width int) ([]byte, error) {
	size, err := m.size(width)
	if err != nil {
		return nil, err
	}
	return m.read(size)
}

func (m *machine) text(op byte) (any, error) {
	switch op {
	case opShortBinunicod, opBinunicode:
		width := 1
		if op == opBinunicode {
			width = 4
		}
		b, err := m.counted(width)
		if err != nil {
			return nil, err
		}
		return text(b)
	}
	line, err := m.line()
	if err != nil {
		return nil, err
	}
	return escaped(line)
}

// text reads UTF-8 in which Python lets half a surrogate pair stand alone. There
// is no such text in Go, so it becomes opaque.
func text(b []byte) (any, error) {
	if utf8.Valid(b) {
		return string(b), nil
	}
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size <= 1 {
			if len(b) < 3 || b[0] != 0xed || b[1] < 0xa0 || b[1] > 0xbf || b[2] < 0x80 || b[2] > 0xbf {
				return nil, fmt.Errorf("%w: text that is no UTF-8", ErrMalformed)
			}
			size = 3
		}
		b = b[size:]
	}
	return Opaque{}, nil
}

// escaped reads Python's raw-unicode-escape: Latin-1 with \uXXXX and
// \UXXXXXXXX, of which an odd number of backslashes is an escape.
func escaped(line []byte) (any, error) {
	var out strings.Builder
	opaque := false
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) {
			out.WriteRune(rune(line[i]))
			continue
		}
		width := map[byte]int{'u': 4, 'U': 8}[line[i+1]]
		if width == 0 {
			out.WriteByte('\\')
			i++
			out.WriteRune(rune(line[i]))
			continue
		}
		if i+2+width > len(line) {
			return nil, fmt.Errorf("%w: a text escape that ends early", ErrMalformed)
		}
		r, err := strconv.ParseUint(string(line[i+2:i+2+width]), 16, 32)
		if err != nil || r > utf8.MaxRune {
			return nil, fmt.Errorf("%w: a text escape that is none", ErrMalformed)
		}
		opaque = opaque || !utf8.ValidRune(rune(r))
		out.WriteRune(rune(r))
		i += 1 + width
	}
	if opaque {
		return Opaque{}, nil
	}
	return out.String(), nil
}
