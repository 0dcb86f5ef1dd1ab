package php

import (
	"errors"
	"fmt"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// Handler is how $_SESSION is written: session.serialize_handler.
type Handler uint8

// The handlers.
const (
	PHP          Handler = iota // name|value, again and again
	PHPSerialize                // one array
	PHPBinary                   // the name's length in a byte, name, value …
)

var handlers = [...]string{PHP: "php", PHPSerialize: "php_serialize", PHPBinary: "php_binary"}

// String answers the handler's name.
func (h Handler) String() string { return handlers[h] }

// HandlerOf answers the handler of a name. The error says what can be written
// instead.
func HandlerOf(name string) (Handler, error) {
	for h, known := range handlers {
		if name == known {
			return Handler(h), nil
		}
	}
	return 0, fmt.Errorf("serialize_handler %q is not read: php, php_serialize and php_binary are; for others, such as igbinary and msgpack, use introspection", name)
}

// binaryLength are the bits of the byte before a name that are its length.
const binaryLength = 0x7f

// Decode reads a session's data (ext/session/session.c, PS_SERIALIZER_DECODE_FUNC).
// Errors are those of package unserialize.
func (h Handler) Decode(data string) (*unserialize.Array, error) {
	if h == PHPSerialize {
		return decodeArray(data)
	}
	stream, err := unserialize.NewStream(data)
	if err != nil {
		return nil, err
	}
	vars := &unserialize.Array{}
	for stream.Rest() != "" {
		name, skip, ok := h.name(stream.Rest())
		if !ok {
			return nil, fmt.Errorf("%w: no name of a variable", unserialize.ErrMalformed)
		}
		stream.Skip(skip)
		value, err := stream.Value()
		if err != nil {
			return nil, err
		}
		// A name is a text in any case, even one of digits.
		vars.Set(unserialize.Key{Text: name, IsText: true}, value)
	}
	return vars, nil
}

// name answers the name of the next variable and how many bytes it takes.
func (h Handler) name(rest string) (name string, skip int, ok bool) {
	if h == PHPBinary {
		length := int(rest[0] & binaryLength)
		if length >= len(rest) {
			return "", 0, false
		}
		return rest[1 : 1+length], 1 + length, true
	}
	name, _, ok = strings.Cut(rest, "|")
	return name, len(name) + 1, ok
}

// decodeArray reads what php_serialize writes; PHP ignores what follows it. An
// empty session and null are one without variables. What is no array leaves
// $_SESSION without any, too.
func decodeArray(data string) (*unserialize.Array, error) {
	if data == "" {
		return &unserialize.Array{}, nil
	}
	stream, err := unserialize.NewStream(data)
	if err != nil {
		return nil, err
	}
	value, err := stream.Value()
	switch {
	case err != nil:
		return nil, err
	case stream.FirstShared(): // PHP itself mistakes its $_SESSION for something else then
		return nil, fmt.Errorf("%w: $_SESSION holds itself", unserialize.ErrUnsupported)
	}
	if vars, ok := value.(*unserialize.Array); ok {
		return vars, nil
	}
	return &unserialize.Array{}, nil
}

// foreign says what data that this handler cannot read is instead; empty when it
// is nothing that is known. Then our configuration is wrong, not the session.
func (h Handler) foreign(data string) string {
	switch {
	case strings.HasPrefix(data, "\x00\x00\x00\x01"), strings.HasPrefix(data, "\x00\x00\x00\x02"):
		return "igbinary"
	case strings.HasPrefix(data, "\x28\xb5\x2f\xfd"):
		return "compressed"
	case data[0] >= 0x80 && data[0] <= 0x8f, data[0] == 0xde, data[0] == 0xdf: // a map (msgpack's specification)
		return "msgpack"
	}
	for other := range handlers {
		if other := Handler(other); other != h {
			vars, err := other.Decode(data)
			if err == nil && vars.Len() > 0 || errors.Is(err, unserialize.ErrLimit) {
				return other.String()
			}
		}
	}
	return ""
}
