// Package unserialize reads what PHP's serialize writes, as values and only as
// values: PHP's own unserialize makes objects of any class and calls their
// methods. Objects are read over and become [Object], so that a session with an
// object in it still has its user.
//
// It promises to end, in time and memory that the limits bound, for any bytes;
// and that what it answers is what PHP would have read. A reference (R) is one
// value in two places, as in PHP, so nothing is copied and nothing can grow;
// arrays may hold themselves.
//
// Source: php-src, ext/standard/var_unserializer.re, as of PHP 8.2.
package unserialize

import (
	"errors"
	"fmt"
)

// The limits; each is far above what a session holds.
const (
	maxBytes = 1 << 20
	maxItems = 100_000
	maxDepth = 64
)

var (
	// ErrMalformed is what PHP would not read either.
	ErrMalformed = errors.New("malformed serialized data")
	// ErrLimit is what is too large or too deep.
	ErrLimit = errors.New("serialized data beyond the limits")
	// ErrUnsupported is a reference whose target only PHP can know.
	ErrUnsupported = errors.New("unsupported serialized data")
)

// Decode reads one value and answers what follows it, which PHP ignores here.
// The value is nil, a bool, int64, float64, string (of bytes), [*Array] or
// [Object]; texts are part of data. Errors wrap [ErrMalformed], [ErrLimit] or
// [ErrUnsupported] and never hold a part of data.
func Decode(data string) (value any, rest string, err error) {
	s, err := NewStream(data)
	if err != nil {
		return nil, "", err
	}
	value, err = s.Value()
	return value, s.Rest(), err
}

// Stream reads several values that were written with one numbering of
// references, as the handlers php and php_binary do.
type Stream struct {
	data  string
	at    int
	items int
	slots []slot
	// sure is how many slots are numbered for certain; -1 is all.
	sure int
	// firstShared says that a reference named the first slot.
	firstShared bool
}

// slot is a place that a reference can name by its number.
type slot struct {
	cell     *cell
	inObject bool
}

// cell is a place for a value. When the place is shared, the value is in the
// box, which all who share it have.
type cell struct {
	value any
	box   *cell
}

func (c *cell) get() any {
	if c.box != nil {
		return c.box.value
	}
	return c.value
}

// NewStream makes a stream. The error is [ErrLimit].
func NewStream(data string) (*Stream, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrLimit, len(data))
	}
	return &Stream{data: data, sure: -1, slots: make([]slot, 0, 32)}, nil
}

// Rest is what was not read yet.
func (s *Stream) Rest() string { return s.data[s.at:] }

// Skip reads over n bytes that are no value.
func (s *Stream) Skip(n int) { s.at += n }

// FirstShared says whether a reference in it leads to the first value that was
// read.
func (s *Stream) FirstShared() bool { return s.firstShared }

// Value reads one value. After an error the stream is of no more use.
func (s *Stream) Value() (any, error) {
	into := &cell{}
	if err := s.value(into, 0, false); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", min(s.at, len(s.data)), err)
	}
	return into.get(), nil
}
