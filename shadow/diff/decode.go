package diff

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/html/charset"
)

const (
	maxEncodings = 3
	freeBytes    = 64 << 10 // may come out of any compressed body
	maxWindow    = 8 << 20  // of zstd, RFC 9659 section 3
)

// mediaHeaders decide what the bytes of a body mean.
var mediaHeaders = [...]string{"Content-Type", "Content-Encoding", "Grpc-Encoding"}

// sameMedia tells whether equal bytes mean equal content.
func sameMedia(m, s *Answer) bool {
	for _, name := range mediaHeaders {
		if !slices.Equal(m.Header[name], s.Header[name]) {
			return false
		}
	}
	return true
}

// decodeBody takes the content encodings (RFC 9110 section 8.4) off a body.
func decodeBody(body []byte, encodings []string, l *Limits) ([]byte, error) {
	if len(body) > l.Bytes {
		return nil, errTooLarge
	}
	var names []string
	for _, value := range encodings {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && name != "identity" {
				names = append(names, name)
			}
		}
	}
	if len(names) > maxEncodings {
		return nil, errMalformed
	}
	if len(body) == 0 {
		return body, nil // as of HEAD and 304
	}
	allowed := min(l.Bytes, max(freeBytes, len(body)*l.Ratio))
	for i := len(names) - 1; i >= 0; i-- {
		var err error
		if body, err = inflate(body, names[i], allowed, l); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// inflate takes one encoding off, of at most allowed bytes.
func inflate(body []byte, name string, allowed int, l *Limits) ([]byte, error) {
	r, err := decoder(body, name)
	if err != nil {
		return nil, errMalformed
	}
	if closer, ok := r.(io.Closer); ok {
		defer func() { _ = closer.Close() }()
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(allowed)+1))
	switch {
	case len(out) > allowed && allowed == l.Bytes:
		return nil, errTooLarge
	case len(out) > allowed:
		return nil, errTooDense
	case err != nil:
		return nil, errMalformed
	}
	return out, nil
}

func decoder(body []byte, name string) (io.Reader, error) {
	src := bytes.NewReader(body)
	switch name {
	case "gzip", "x-gzip":
		return gzip.NewReader(src)
	case "br":
		return brotli.NewReader(src), nil
	case "zstd":
		d, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case "deflate":
		// RFC 9110 section 8.4.1.2 means zlib; some servers send it bare.
		if r, err := zlib.NewReader(src); err == nil {
			return r, nil
		}
		return flate.NewReader(bytes.NewReader(body)), nil
	default:
		return nil, errMalformed
	}
}

// toUTF8 decodes text. A charset that is not known leaves the bytes as they
// are: the same bytes are the same text in any.
func toUTF8(text, label string, l *Limits) (string, error) {
	if label == "" || strings.EqualFold(label, "utf-8") {
		return text, nil
	}
	encoding, name := charset.Lookup(label)
	if encoding == nil || name == "utf-8" {
		return text, nil
	}
	out, err := io.ReadAll(io.LimitReader(encoding.NewDecoder().Reader(strings.NewReader(text)), int64(l.Bytes)+1))
	switch {
	case len(out) > l.Bytes:
		return "", errTooLarge
	case err != nil || bytes.ContainsRune(out, '\uFFFD'):
		// What has no place in the charset is lost in decoding: two texts
		// could become one.
		return "", errMalformed
	}
	return string(out), nil
}
