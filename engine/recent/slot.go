package recent

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/strangler-proxy/strangler/routes"
)

// SlotSize is how many bytes each request takes.
const SlotSize = 256

const (
	textSize = 184 // of method, host, path and values in a slot
	maxName  = 64  // of method and host
	maxValue = 48  // a longer value is kept as its hash
	hashSize = 8
)

// slot is one request. It holds no pointer: the garbage collector does not look
// into the ring, and no old table is kept alive.
type slot struct {
	busy   atomic.Bool // somebody writes or reads it
	method uint8       // lengths in text, one after the other
	host   uint8
	path   uint8
	end    uint8 // where the text ends
	facts  Facts
	seq    uint64 // from 1
	at     int64  // Unix time in nanoseconds
	layout uint32
	cut    bool
	text   [textSize]byte
}

// A value in the text is one byte of its state and what that says is behind it.
const (
	valueMissing byte = iota
	valueSeveral
	valueDoubtful
	valueHashed // and the hash
	valueText   // and as many bytes as are above it
)

// fill takes a request in; method and host first, as they are short.
func (s *slot) fill(l *Layout, r *routes.Request) {
	reserved := len(l.sources) * (1 + hashSize)
	n := copy(s.text[:maxName], r.Method)
	s.method = uint8(n)
	host := copy(s.text[n:n+maxName], r.Host)
	path := copy(s.text[n+host:max(n+host, textSize-reserved)], r.Path)
	s.host, s.path = uint8(host), uint8(path)
	s.cut = n < len(r.Method) || host < len(r.Host) || path < len(r.Path)
	n += host + path
	s.cut = s.cut || n > textSize-reserved
	if !s.cut {
		for i := range l.sources {
			reserved -= 1 + hashSize
			n += l.sources[i].put(s.text[n:textSize-reserved], r)
		}
	}
	s.end = uint8(n)
}

// put writes the value that r has at the source; there is room for a hash.
func (k *kept) put(text []byte, r *routes.Request) int {
	v := k.read(r)
	switch v.State {
	case routes.ValueMissing:
		text[0] = valueMissing
	case routes.ValueSeveral:
		text[0] = valueSeveral
	case routes.ValueDoubtful:
		text[0] = valueDoubtful
	case routes.ValueSingle:
		if len(v.Text) <= maxValue && len(v.Text) < len(text) && !k.secret {
			text[0] = valueText + byte(len(v.Text))
			return 1 + copy(text[1:], v.Text)
		}
		text[0] = valueHashed
		binary.LittleEndian.PutUint64(text[1:], Hash(v.Text))
		return 1 + hashSize
	}
	return 1
}
