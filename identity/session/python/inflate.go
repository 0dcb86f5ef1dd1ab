// Package python reads what sessions have in common that Python's standard
// library wrote: JSON as json.dumps has it, and zlib streams, bounded.
package python

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxData is the largest session that is read, in bytes, stored or inflated.
const MaxData = 1 << 20

// ErrTooLarge is data of more than MaxData.
var ErrTooLarge = errors.New("session data of more than 1 MiB")

var inflaters sync.Pool // of io.ReadCloser that are zlib.Resetter

// Inflate reads a zlib stream of at most MaxData, as zlib.decompress does.
func Inflate(data []byte) ([]byte, error) {
	in := bytes.NewReader(data)
	r, ok := inflaters.Get().(io.ReadCloser)
	var err error
	if ok {
		err = r.(zlib.Resetter).Reset(in, nil)
	} else {
		r, err = zlib.NewReader(in)
	}
	if err != nil {
		return nil, fmt.Errorf("inflating: %w", err)
	}
	defer inflaters.Put(r)
	return Bounded(r)
}

// Bounded reads all of a stream of at most MaxData.
func Bounded(r io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, MaxData+1))
	if err != nil {
		return nil, fmt.Errorf("inflating: %w", err)
	}
	if len(out) > MaxData {
		return nil, ErrTooLarge
	}
	return out, nil
}
