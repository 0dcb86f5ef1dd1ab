// Package pickle reads Python's pickles as values, and only as values.
//
// A pickle is a program for a stack machine that may call anything in the
// process that loads it. [Decode] runs the part of it that builds plain data
// and calls nothing: the few classes of the standard library that sessions hold
// are known by name and made here, every other object becomes [Opaque]. What is
// inside such an object is read and dropped, so that a session with a strange
// object still has its user.
//
// It promises to end, in time and memory that the limits bound, for any bytes;
// and that what it answers is what Python would have loaded. It refuses more
// than Python does: persistent IDs, extension codes, out-of-band buffers, the
// strings of Python 2, containers that hold themselves, bytes after the end.
//
// Source: CPython's Lib/pickletools.py (the opcodes) and Modules/_pickle.c (what
// they do).
package pickle

import (
	"errors"
	"fmt"
)

// The limits of a pickle; each is far above what a session holds.
const (
	maxBytes = 1 << 20
	maxItems = 100_000
	maxDepth = 64
	maxLong  = 2048 // bytes of one integer
	maxText  = 4300 // digits of one integer in text, as CPython's own limit
)

var (
	// ErrMalformed is a pickle that Python would not load either, or that ends
	// early or late.
	ErrMalformed = errors.New("malformed pickle")
	// ErrUnsupported is a pickle that needs what this package never does.
	ErrUnsupported = errors.New("unsupported pickle")
	// ErrLimit is a pickle that is too large, too deep, or holds itself.
	ErrLimit = errors.New("pickle beyond the limits")
)

// Decode reads one pickle, protocol 0 to 5. The answer is made of nil, bool,
// int64, *[math/big.Int], float64, string, []byte, []any (a list) and this
// package's types, shares nothing with data, and holds nothing twice: what the
// pickle shares is copied, and counts each time. Errors wrap [ErrMalformed],
// [ErrUnsupported] or [ErrLimit] and never hold a value of the pickle.
func Decode(data []byte) (any, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrLimit, len(data))
	}
	m := machine{data: data, stack: make([]any, 0, 32), memo: make([]any, 0, 32)}
	top, err := m.run()
	if err != nil {
		return nil, fmt.Errorf("at byte %d: %w", m.at, err)
	}
	r := reader{}
	return r.value(top, 0)
}

// reader turns what the machine built into what Decode answers. It bounds depth
// and size as they are when everything shared is written out, so a container
// that holds itself is met as one that is too deep.
type reader struct{ items int }

func (r *reader) value(v any, depth int) (any, error) {
	if r.items++; r.items > maxItems {
		return nil, fmt.Errorf("%w: more than %d items", ErrLimit, maxItems)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: deeper than %d", ErrLimit, maxDepth)
	}
	switch v := v.(type) {
	case *list:
		return r.values(v.items, depth)
	case *set:
		items, err := r.values(v.items, depth)
		return Set(items), err
	case *tuple:
		items, err := r.values(v.items, depth)
		return Tuple(items), err
	case *dict:
		return r.dict(v, depth)
	case *object:
		return v.value(), nil
	case global:
		return Opaque{}, nil
	case []byte:
		return append([]byte(nil), v...), nil
	}
	return v, nil
}

func (r *reader) values(items []any, depth int) ([]any, error) {
	out := make([]any, len(items))
	for i, item := range items {
		var err error
		if out[i], err = r.value(item, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) dict(d *dict, depth int) (any, error) {
	out := make(Dict, len(d.items))
	for i, item := range d.items {
		key, err := r.value(item.Key, depth+1)
		if err != nil {
			return nil, err
		}
		value, err := r.value(item.Value, depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = Item{key, value}
	}
	return out, nil
}
