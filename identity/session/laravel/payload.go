package laravel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

var (
	errUnverified = errors.New("session data that none of the keys encrypted; are session.encrypt and the keys the monolith's?")
	errNoArray    = errors.New("session data that is no array; is session.serialization the monolith's?")
	errNoText     = errors.New("session data that is no text inside its envelope")
	errJSON       = errors.New("session data that is no JSON; is session.serialization the monolith's?")
)

// maxJSON is how deep PHP reads JSON.
const maxJSON = 512

// decode reads a session's data (Illuminate\Session\Store::readFromHandler).
func (s *Sessions) decode(data string) (*unserialize.Array, error) {
	if data == "" || data == "0" {
		return &unserialize.Array{}, nil // false, for PHP
	}
	if s.config.Encrypted {
		plain, err := s.crypt.decrypt(data)
		if err != nil {
			return nil, unknown(session.Unverified, errUnverified)
		}
		if data, err = text(plain); err != nil {
			return nil, err
		}
	}
	if s.config.JSON {
		return fromJSON(data)
	}
	value, _, err := unserialize.Decode(data)
	if err != nil {
		return nil, unknown(session.Undecodable, err)
	}
	vars, ok := value.(*unserialize.Array)
	if !ok {
		return nil, unknown(session.Undecodable, errNoArray)
	}
	return vars, nil
}

// text reads a text that was serialized by itself.
func text(data string) (string, error) {
	value, _, err := unserialize.Decode(data)
	if err != nil {
		return "", unknown(session.Undecodable, err)
	}
	text, ok := value.(string)
	if !ok {
		return "", unknown(session.Undecodable, errNoText)
	}
	return text, nil
}

// fromJSON reads what json_encode wrote, as json_decode does.
func fromJSON(data string) (*unserialize.Array, error) {
	if !utf8.ValidString(data) {
		return nil, unknown(session.Undecodable, errJSON)
	}
	decoder := json.NewDecoder(strings.NewReader(data))
	decoder.UseNumber()
	var read any
	if err := decoder.Decode(&read); err != nil {
		return nil, unknown(session.Undecodable, errJSON) // the error would quote it
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, unknown(session.Undecodable, errJSON)
	}
	value, ok := fromPlain(read, 0)
	if !ok {
		return nil, unknown(session.Undecodable, fmt.Errorf("%w: JSON deeper than %d", unserialize.ErrLimit, maxJSON))
	}
	vars, ok := value.(*unserialize.Array)
	if !ok {
		return nil, unknown(session.Undecodable, errNoArray)
	}
	return vars, nil
}

// fromPlain makes PHP's values of JSON's.
func fromPlain(read any, depth int) (value any, ok bool) {
	if depth >= maxJSON {
		return nil, false
	}
	array := &unserialize.Array{}
	switch v := read.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, true
		}
		f, _ := v.Float64() // out of range: infinity, as PHP
		return f, true
	case []any:
		for i, item := range v {
			if value, ok = fromPlain(item, depth+1); !ok {
				return nil, false
			}
			array.Set(unserialize.Key{Number: int64(i)}, value)
		}
		return array, true
	case map[string]any:
		for key, item := range v {
			if value, ok = fromPlain(item, depth+1); !ok {
				return nil, false
			}
			array.Set(unserialize.KeyOf(key), value)
		}
		return array, true
	}
	return read, true
}
