package shadow

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// answerTee copies an answer as it is written. The client's bytes go first, and
// go whatever becomes of the copy.
type answerTee struct {
	http.ResponseWriter
	x *Exchange
}

// Unwrap gives http.ResponseController the writer below.
func (t *answerTee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (t *answerTee) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		t.x.head(status, t.Header())
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (t *answerTee) Write(p []byte) (int, error) {
	x := t.x
	x.head(http.StatusOK, nil)
	start := x.mirror.all.now()
	n, err := t.ResponseWriter.Write(p)
	x.waited += x.mirror.all.now().Sub(start)
	if !x.bodiless {
		x.answer.write(p[:n])
	}
	return n, err
}

// teeBuffers are those of ReadFrom.
var teeBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadFrom copies what there is room for, and leaves the rest to the writer's own
// way, which may be the kernel's.
func (t *answerTee) ReadFrom(r io.Reader) (int64, error) {
	x := t.x
	x.head(http.StatusOK, nil)
	done := int64(0)
	if x.answer.loss == lossNone {
		buf, _ := teeBuffers.Get().(*[32 << 10]byte)
		defer teeBuffers.Put(buf)
		most := int64(x.answer.limit-x.answer.n) + 1
		n, err := io.CopyBuffer(struct{ io.Writer }{t}, struct{ io.Reader }{io.LimitReader(r, most)}, buf[:])
		if n < most || err != nil {
			return n, err
		}
		done = n
	}
	start := x.mirror.all.now()
	defer func() { x.waited += x.mirror.all.now().Sub(start) }()
	to, ok := t.ResponseWriter.(io.ReaderFrom)
	if !ok {
		n, err := io.Copy(struct{ io.Writer }{t.ResponseWriter}, r)
		return done + n, err
	}
	n, err := to.ReadFrom(r)
	return done + n, err
}

// Flush implements http.Flusher.
func (t *answerTee) Flush() { _ = t.FlushError() }

// FlushError is Flush for http.ResponseController.
func (t *answerTee) FlushError() error {
	t.x.head(http.StatusOK, nil)
	return http.NewResponseController(t.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (t *answerTee) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err == nil {
		t.x.upgraded()
	}
	return conn, buffered, err
}

// upgraded: what follows is no answer.
func (x *Exchange) upgraded() {
	if x.loss == lossNone {
		x.loss = lossUpgrade
	}
	x.answer.lose(lossUpgrade)
}

// head copies the first final status and the fields that come with it. h is nil
// when the writer's are to be asked.
func (x *Exchange) head(status int, h http.Header) {
	if x.status != 0 {
		return
	}
	x.status = status
	if h == nil {
		h = x.writer.Header()
	}
	kind := h.Get("Content-Type")
	switch {
	case status == http.StatusSwitchingProtocols:
		x.upgraded()
	case endless(kind):
		x.loss = lossStream
		x.answer.lose(lossStream)
	case x.extra && !x.mirror.rare.see(x.shape^hashOf(kind)^uint64(status/100)):
		x.common = true
		x.answer.lose(lossStream)
	}
	if x.answer.loss != lossNone {
		return
	}
	x.keepHead(h)
	if x.bodiless = x.bodiless || status == http.StatusNotModified; x.bodiless {
		return // there may be a length, and a handler may write what nobody gets
	}
	if size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		x.answer.expect(size)
	}
}

// keepHead copies the fields that were not there before.
func (x *Exchange) keepHead(h http.Header) {
	x.fields = len(h)
	for name, values := range h {
		for rest := x.section(sectionBefore); len(rest) > 0; {
			var known, value []byte
			known, rest = cut(rest)
			value, rest = cut(rest)
			if string(known) == name && len(values) > 0 && values[0] == string(value) {
				values = values[1:]
			}
		}
		for _, v := range values {
			x.heads.field(name, v)
		}
	}
	x.close(sectionAnswer)
}

// keepTrailer copies the fields that have come since the head.
func (x *Exchange) keepTrailer() {
	if x.status == 0 || x.fields == 0 {
		return
	}
	h := x.writer.Header()
	announced := h["Trailer"]
	if len(h) == x.fields && len(announced) == 0 {
		return
	}
	for name, values := range h {
		if bare, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			name = http.CanonicalHeaderKey(bare)
		} else if !names(announced, name) {
			continue
		}
		for _, v := range values {
			x.heads.field(name, v)
		}
	}
	x.close(sectionTrailer)
}

// names tells whether lists of names, as of a Trailer field, have one.
func names(lists []string, name string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if http.CanonicalHeaderKey(strings.TrimSpace(one)) == name {
				return true
			}
		}
	}
	return false
}

// endless tells the media types of answers that go on until somebody leaves.
func endless(kind string) bool {
	return prefixFold(kind, "text/event-stream") || prefixFold(kind, "application/grpc") ||
		prefixFold(kind, "multipart/x-mixed-replace")
}

func prefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
