package unserialize

import (
	"fmt"
	"math"
	"strings"
)

// peek answers a byte, 0 after the end, as PHP's texts have it.
func (s *Stream) peek(ahead int) byte {
	if s.at+ahead < len(s.data) {
		return s.data[s.at+ahead]
	}
	return 0
}

// take reads over a text that must be here.
func (s *Stream) take(text string) bool {
	if !strings.HasPrefix(s.data[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

// value reads a value into a cell. All but R get a number, whatever they are.
func (s *Stream) value(into *cell, depth int, inObject bool) (err error) {
	if s.at >= len(s.data) {
		return ErrMalformed
	}
	kind := s.data[s.at]
	if kind != 'R' {
		if err := s.count(1); err != nil {
			return err
		}
		s.slots = append(s.slots, slot{into, inObject})
	}
	switch kind {
	case 'R', 'r':
		return s.reference(into, kind)
	case 'a':
		return s.array(into, depth, inObject)
	case 'O', 'C':
		into.value = Object{}
		return s.object(kind, depth)
	case 'E':
		into.value = Object{}
		return s.enum()
	}
	into.value, err = s.scalar()
	return err
}

// scalar reads null, a boolean, a number or a text.
func (s *Stream) scalar() (any, error) {
	switch {
	case s.take("N;"):
		return nil, nil
	case s.take("b:0;"):
		return false, nil
	case s.take("b:1;"):
		return true, nil
	case s.take("i:"):
		return s.integer()
	case s.take("d:"):
		return s.float()
	case s.take("s:"):
		return s.text()
	case s.take("S:"):
		return s.escaped()
	}
	return nil, ErrMalformed
}

// count bounds what all values together take.
func (s *Stream) count(n int) error {
	if s.items += n; s.items > maxItems {
		return fmt.Errorf("%w: more than %d items", ErrLimit, maxItems)
	}
	return nil
}

// reference reads R, a place shared with another, or r, the same object again.
func (s *Stream) reference(into *cell, kind byte) error {
	s.at++
	if !s.take(":") {
		return ErrMalformed
	}
	number, ok := s.unsigned()
	switch {
	case !ok || !s.take(";") || number == 0:
		return ErrMalformed
	case s.sure >= 0 && number > uint64(s.sure):
		return fmt.Errorf("%w: a reference past an object with a format of its own", ErrUnsupported)
	case number > uint64(len(s.slots)):
		return ErrMalformed
	}
	target := s.slots[number-1]
	if target.cell == into {
		return ErrMalformed
	}
	if kind == 'r' {
		if into.value = target.cell.get(); into.value != any(Object{}) {
			return ErrMalformed
		}
		return nil
	}
	if target.inObject {
		into.value = Object{} // its class may have changed it
		return nil
	}
	s.firstShared = s.firstShared || number == 1
	if target.cell.box == nil {
		target.cell.box = &cell{value: target.cell.value}
		target.cell.value = nil
	}
	into.box = target.cell.box
	return nil
}

func (s *Stream) array(into *cell, depth int, inObject bool) error {
	if !s.take("a:") {
		return ErrMalformed
	}
	from := s.at
	if _, ok := s.unsigned(); !ok {
		return ErrMalformed
	}
	count := saturated(s.data[from:s.at])
	if !s.take(":{") || count > int64(len(s.data)-s.at)/2 {
		return ErrMalformed
	}
	array := &Array{}
	into.value = array
	return s.elements(array, int(count), depth, inObject)
}

// elements reads the pairs of an array or of an object, and what ends them.
func (s *Stream) elements(array *Array, count, depth int, inObject bool) error {
	if count > 0 && depth >= maxDepth {
		return fmt.Errorf("%w: deeper than %d", ErrLimit, maxDepth)
	}
	if err := s.count(count); err != nil {
		return err
	}
	array.items = make([]item, 0, count) // cells stay where they are
	for range count {
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := s.value(array.place(key), depth+1, inObject); err != nil {
			return err
		}
	}
	if !s.take("}") {
		return ErrMalformed
	}
	return nil
}

func (s *Stream) key() (Key, error) {
	switch s.peek(0) {
	case 'i', 's', 'S':
	default:
		return Key{}, ErrMalformed
	}
	switch v, err := s.scalar(); v := v.(type) {
	case int64:
		return Key{Number: v}, err
	case string:
		return KeyOf(v), err
	default:
		return Key{}, ErrMalformed
	}
}

// text reads what follows s: the length, and so many bytes in quotes.
func (s *Stream) text() (any, error) {
	length, ok := s.unsigned()
	if !ok || !s.take(`:"`) || length > uint64(len(s.data)-s.at) {
		return nil, ErrMalformed
	}
	text := s.data[s.at : s.at+int(length)]
	s.at += len(text)
	if !s.take(`";`) {
		return nil, ErrMalformed
	}
	return text, nil
}

// escaped reads what follows S, in which \xx is a byte by its hex digits.
func (s *Stream) escaped() (any, error) {
	length, ok := s.unsigned()
	if !ok || !s.take(`:"`) || length > uint64(len(s.data)-s.at) {
		return nil, ErrMalformed
	}
	out := make([]byte, 0, length)
	for range length {
		if s.at >= len(s.data) {
			return nil, ErrMalformed
		}
		c := s.data[s.at]
		s.at++
		if c == '\\' {
			high, low := hex(s.peek(0)), hex(s.peek(1))
			if high > 15 || low > 15 {
				return nil, ErrMalformed
			}
			c = high<<4 | low
			s.at += 2
		}
		out = append(out, c)
	}
	if !s.take(`";`) {
		return nil, ErrMalformed
	}
	return string(out), nil
}

func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return math.MaxUint8
}
