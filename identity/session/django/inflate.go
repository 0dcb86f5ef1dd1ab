package django

import (
	"bytes"
	"compress/gzip"
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/strangler-proxy/strangler/identity/session/python"
)

// Compressor is django-redis' COMPRESSOR.
type Compressor uint8

// The compressors.
const (
	Uncompressed Compressor = iota
	Zlib
	Gzip
	LZMA
	LZ4
	Zstd
)

// open answers what was compressed. django-redis leaves short values as they
// are and finds that out by trying, and so does this.
func (c Compressor) open(data []byte) ([]byte, error) {
	out, err := c.expand(data)
	if err == nil || errors.Is(err, errTooLarge) {
		return out, err
	}
	return data, nil
}

func (c Compressor) expand(data []byte) ([]byte, error) {
	switch c {
	case Zlib:
		return python.Inflate(data)
	case Gzip:
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return python.Bounded(r)
	case LZ4:
		return python.Bounded(lz4.NewReader(bytes.NewReader(data)))
	case LZMA:
		return unxz(data)
	case Zstd:
		out, err := zstdReader().DecodeAll(data, nil)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			return nil, errTooLarge
		}
		return out, err
	case Uncompressed:
	}
	return data, nil
}

// zstdReader's DecodeAll is safe for concurrent use.
var zstdReader = sync.OnceValue(func() *zstd.Decoder {
	r, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxData), zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(err) // options that are constants
	}
	return r
})

// unxz refuses a dictionary of more than 8 MiB, which would be allocated:
// django-redis asks for 4 (preset 4). The dictionary's size is in the block's
// header (The .xz File Format 1.2.1, sections 2.1.1, 3.1 and 5.3.1).
func unxz(data []byte) ([]byte, error) {
	const block, lzma2, mostDictionary = 12, 0x21, 22
	if len(data) < block+5 || data[block+1] != 0 || data[block+2] != lzma2 || data[block+4] > mostDictionary {
		return nil, errors.New("an xz stream of another form")
	}
	r, err := xz.ReaderConfig{SingleStream: true}.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return python.Bounded(r)
}
