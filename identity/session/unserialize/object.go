package unserialize

import "strings"

// object reads over an object: O, whose properties are written as an array's
// elements, or C, whose content is a text that its class alone can read.
func (s *Stream) object(kind byte, depth int) error {
	s.at++
	if _, ok := s.className(); !ok {
		return ErrMalformed
	}
	length := s.lenient()
	if !s.take(":{") || length < 0 {
		return ErrMalformed
	}
	if kind == 'O' {
		if length > int64(len(s.data)-s.at)/2 {
			return ErrMalformed
		}
		return s.elements(&Array{}, int(length), depth, true)
	}
	if length >= int64(len(s.data)-s.at) || s.data[s.at+int(length)] != '}' {
		return ErrMalformed
	}
	s.at += int(length) + 1
	if s.sure < 0 {
		s.sure = len(s.slots) // the class may have read values with numbers
	}
	return nil
}

// enum reads over a case of an enumeration.
func (s *Stream) enum() error {
	s.at++
	if !s.take(":") {
		return ErrMalformed
	}
	name, err := s.text()
	if err != nil {
		return err
	}
	class, _, ok := strings.Cut(name.(string), ":") //nolint:forcetypeassert // text answers nothing else
	if !ok || !validClass(class) {
		return ErrMalformed
	}
	return nil
}

func (s *Stream) className() (name string, ok bool) {
	if !s.take(":") {
		return "", false
	}
	length, ok := s.unsigned()
	if !ok || !s.take(`:"`) || length == 0 || length > uint64(len(s.data)-s.at) {
		return "", false
	}
	name = s.data[s.at : s.at+int(length)]
	s.at += len(name)
	return name, s.take(`":`) && name[0] != '\\' && validClass(name)
}

// validClass is zend_is_valid_class_name.
func validClass(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !digit(c) && c != '_' && c != '\\' && c < 0x80 && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
