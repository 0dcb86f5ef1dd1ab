package diff

import (
	"encoding/binary"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// parseProto reads a message by the wire format alone: fields are members named
// #1, #2 and so on, in any order, those of one number in theirs.
func parseProto(t *tree, body string, _ media) (int32, error) {
	root, err := t.add(node{kind: kindObject})
	if err != nil {
		return none, err
	}
	return root, parseFields(t, root, wireText{body, []byte(body)}, 0)
}

// A wireText is a part of a message, as text that the tree keeps and as bytes
// that protowire reads: nested messages are copied once, not once per level.
type wireText struct {
	text  string
	bytes []byte
}

func (w wireText) part(from, to int) wireText { return wireText{w.text[from:to], w.bytes[from:to]} }

// parseFields adds the fields of a message to a node.
func parseFields(t *tree, self int32, body wireText, depth int) error {
	if depth > t.limits.Depth {
		return errTooDeep
	}
	at := parent{tree: t, node: self}
	for len(body.bytes) > 0 {
		number, wire, n := protowire.ConsumeTag(body.bytes)
		if n < 0 {
			return errMalformed
		}
		size := protowire.ConsumeFieldValue(number, wire, body.bytes[n:])
		if size < 0 {
			return errMalformed
		}
		child, err := parseField(t, wire, body.part(n, n+size), depth)
		if err != nil {
			return err
		}
		t.nodes[child].name = "#" + strconv.Itoa(int(number))
		at.link(child)
		body = body.part(n+size, len(body.bytes))
	}
	return nil
}

func parseField(t *tree, wire protowire.Type, value wireText, depth int) (int32, error) {
	switch wire {
	case protowire.VarintType:
		v, _ := protowire.ConsumeVarint(value.bytes)
		return t.add(node{kind: kindNumber, text: strconv.FormatUint(v, 10)})
	case protowire.BytesType:
		_, prefix := protowire.ConsumeVarint(value.bytes)
		return parseNested(t, value.part(prefix, len(value.bytes)), depth)
	default: // fixed width, and groups, which proto3 has not
		return t.add(node{kind: kindFixed, text: value.text})
	}
}

// parseNested reads bytes as a message when they are one as far as the wire
// format tells.
func parseNested(t *tree, body wireText, depth int) (int32, error) {
	self, err := t.add(node{kind: kindBytes, text: body.text})
	if err != nil || body.text == "" || depth >= t.limits.Depth {
		return self, err
	}
	start := len(t.nodes)
	if err := parseFields(t, self, body, depth+1); err != nil {
		if isLimit(err) {
			return none, err
		}
		t.nodes = t.nodes[:start]
		n := &t.nodes[self]
		n.first, n.count = none, 0
		return self, nil
	}
	t.nodes[self].kind = kindMessage
	return self, nil
}

// parseGRPC reads length-prefixed messages (gRPC over HTTP/2: a flag, four
// bytes of length, the message). Those that are compressed are unpacked.
func parseGRPC(t *tree, body string, m media) (int32, error) {
	root, err := t.add(node{kind: kindList})
	if err != nil {
		return none, err
	}
	at := parent{tree: t, node: root}
	allowed, packed := t.limits.Bytes, 0
	for rest := body; rest != ""; {
		if len(rest) < 5 {
			return none, errMalformed
		}
		flag, size := rest[0], int(binary.BigEndian.Uint32([]byte(rest[1:5])))
		if rest = rest[5:]; size > len(rest) {
			return none, errMalformed
		}
		if flag&flagCompressed != 0 {
			if packed++; packed > maxPacked {
				return none, errTooMuchWork
			}
		}
		child, used, err := parseFrame(t, flag, rest[:size], m, allowed)
		if err != nil {
			return none, err
		}
		allowed -= used
		at.link(child)
		rest = rest[size:]
	}
	return root, nil
}

// maxPacked is how many compressed messages of one body are unpacked: each takes
// a decoder, however few bytes it has.
const maxPacked = 2000

// The flags of a frame. Trailers as a frame are gRPC-Web's.
const (
	flagCompressed = 0x01
	flagTrailers   = 0x80
)

// parseFrame reads one message, of at most allowed bytes, and says how many it
// was.
func parseFrame(t *tree, flag byte, body string, m media, allowed int) (child int32, size int, err error) {
	if flag&flagCompressed != 0 {
		unpacked, err := decodeBody([]byte(body), []string{m.grpcEncoding}, t.limits)
		if err != nil {
			return none, 0, err
		}
		body = string(unpacked)
	}
	if len(body) > allowed {
		return none, 0, errTooLarge
	}
	if flag&flagTrailers != 0 {
		child, err = parseText(t, strings.ToLower(body), media{})
		return child, len(body), err
	}
	start := len(t.nodes)
	child, err = parseProto(t, body, m)
	if err != nil && !isLimit(err) {
		t.nodes = t.nodes[:start]
		child, err = parseBytes(t, body, m)
	}
	return child, len(body), err
}
