package shadow

import (
	"encoding/binary"
	"net/http"
)

// A head waits as texts in one run of bytes, each after its length; fields are
// names and values in turn. There is no pointer in it: thousands of exchanges may
// wait, and the collector has nothing to follow in them, nor do they keep alive
// what their requests were read into.

// lengthSize is what the length of a text takes, little-endian.
const lengthSize = 4

// text appends one.
func (c *copied) text(s string) {
	if room := c.reserve(lengthSize + len(s)); room != nil {
		binary.LittleEndian.PutUint32(room, uint32(len(s)))
		copy(room[lengthSize:], s)
	}
}

// fields appends those of a header.
func (c *copied) fields(h http.Header) {
	for name, values := range h {
		for _, v := range values {
			c.field(name, v)
		}
	}
}

func (c *copied) field(name, value string) {
	c.text(name)
	c.text(value)
}

// fieldsSize is what fields appends.
func fieldsSize(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += 2*lengthSize + len(name) + len(v)
		}
	}
	return n
}

// cut takes the first text off.
func cut[T string | []byte](texts T) (text, rest T) {
	end := lengthSize + int(uint32(texts[0])|uint32(texts[1])<<8|uint32(texts[2])<<16|uint32(texts[3])<<24)
	return texts[lengthSize:end], texts[end:]
}

// headerOf is a header of its own, whose texts are those of fields.
func headerOf(fields string) http.Header {
	n := 0
	for rest := fields; rest != ""; n++ {
		_, rest = cut(rest)
		_, rest = cut(rest)
	}
	h, room := make(http.Header, n), make([]string, n)
	for i := range room {
		var name string
		name, fields = cut(fields)
		room[i], fields = cut(fields)
		if before, ok := h[name]; ok {
			h[name] = append(before, room[i])
		} else {
			h[name] = room[i : i+1 : i+1]
		}
	}
	return h
}
