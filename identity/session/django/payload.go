package django

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/pickle"
	"github.com/strangler-proxy/strangler/identity/session/python"
)

// values is a session's data. Of JSON each value is still its own text, as a
// json.RawMessage, because most are never looked at; of pickle it is a value.
type values map[string]any

var errNoDict = errors.New("session data that is no dict")

// decode reads a session's data. What cannot be read is unavailable.
func (s Serializer) decode(data []byte) (values, error) {
	var out values
	var err error
	if s == Pickle {
		out, err = fromPickle(data)
	} else {
		out, err = fromJSON(data)
	}
	if err != nil {
		return nil, unknown(session.Undecodable, err)
	}
	return out, nil
}

func fromPickle(data []byte) (values, error) {
	v, err := pickle.Decode(data)
	if err != nil {
		return nil, err
	}
	dict, ok := v.(pickle.Dict)
	if !ok {
		return nil, errNoDict
	}
	out := make(values, len(dict))
	for _, item := range dict {
		if key, ok := item.Key.(string); ok {
			out[key] = item.Value
		}
	}
	return out, nil
}

// fromJSON reads what Python's json.dumps wrote: of two equal keys the last
// counts, NaN and Infinity are numbers (null here), bytes are Latin-1.
func fromJSON(data []byte) (values, error) {
	if len(data) > maxData {
		return nil, errTooLarge
	}
	var read map[string]json.RawMessage
	err := python.UnmarshalJSON(latin1(data), &read)
	switch {
	case errors.Is(err, python.ErrKind), err == nil && read == nil:
		return nil, errNoDict
	case err != nil:
		return nil, err
	}
	out := make(values, len(read))
	for key, value := range read {
		if string(value) != "null" {
			out[key] = value
		}
	}
	return out, nil
}

// latin1 makes UTF-8 of Latin-1; json.dumps writes neither, only ASCII.
func latin1(data []byte) []byte {
	if ascii(data) {
		return data
	}
	var out bytes.Buffer
	for _, c := range data {
		out.WriteRune(rune(c))
	}
	return out.Bytes()
}

func ascii(data []byte) bool {
	for _, c := range data {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// text answers the value of a key that must be a text; a number is one, as the
// model's to_python takes it. ok is false when the key is missing.
func (v values) text(key string) (text string, ok bool, err error) {
	switch value := v[key].(type) {
	case nil:
		return "", false, nil
	case string:
		return value, true, nil
	case json.RawMessage:
		var number json.Number // takes a text that is a number, too
		if value[0] != '"' && json.Unmarshal(value, &number) == nil {
			return number.String(), true, nil
		}
		if json.Unmarshal(value, &text) == nil {
			return text, true, nil
		}
	case int64:
		return fmt.Sprint(value), true, nil
	}
	return "", false, unknown(session.Undecodable, fmt.Errorf("%s is no text", key))
}
