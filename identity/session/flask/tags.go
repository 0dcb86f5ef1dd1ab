package flask

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session/python"
)

var (
	errNoDict = errors.New("session data that is no dict")
	errTag    = errors.New("session data with a tagged value that Flask does not write")
	errText   = errors.New("session data that is no UTF-8")
)

// decode reads a session's data: TaggedJSONSerializer's JSON (flask/json/tag.py).
// Values that JSON does not have are what marshals to JSON: a list for a tuple,
// standard base64 for bytes, text for markup and UUIDs, RFC 3339 for times.
func decode(payload []byte) (map[string]any, error) {
	if !utf8.Valid(payload) {
		return nil, errText
	}
	var read any
	if err := python.UnmarshalJSON(payload, &read); err != nil {
		return nil, err
	}
	value, err := untag(read)
	if err != nil {
		return nil, err
	}
	data, ok := value.(map[string]any)
	if !ok {
		return nil, errNoDict
	}
	return data, nil
}

// untag replaces objects that stand for other values, from the innermost out.
func untag(value any) (any, error) {
	switch value := value.(type) {
	case []any:
		for i := range value {
			var err error
			if value[i], err = untag(value[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key, inner := range value {
			inner, err := untag(inner)
			if err != nil {
				return nil, err
			}
			if len(value) == 1 && len(key) > 1 && key[0] == ' ' {
				return tagged(key, inner, value)
			}
			value[key] = inner
		}
	}
	return value, nil
}

// foreign is a value of a kind that JSON does not have. It marshals to JSON's text,
// and is no user's ID, as a text would be.
type foreign string

// tagged answers what an object with the single key stands for.
func tagged(key string, inner any, object map[string]any) (any, error) {
	object[key] = inner
	text, isText := inner.(string)
	switch key {
	case " di":
		return escapedDict(inner)
	case " t":
		if list, ok := inner.([]any); ok {
			return list, nil
		}
	case " b":
		if _, err := base64.StdEncoding.DecodeString(text); isText && err == nil {
			return foreign(text), nil
		}
	case " m":
		if isText {
			return text, nil
		}
	case " u":
		if isText {
			return uuid(text)
		}
	case " d":
		if isText {
			return when(text), nil
		}
	default:
		return object, nil
	}
	return nil, errTag
}

// escapedDict is a dict whose only key is that of a tag: it has __ behind it.
func escapedDict(inner any) (any, error) {
	dict, ok := inner.(map[string]any)
	if !ok || len(dict) != 1 {
		return nil, errTag
	}
	for key, value := range dict {
		if name, ok := strings.CutSuffix(key, "__"); ok {
			return map[string]any{name: value}, nil
		}
	}
	return nil, errTag
}

func uuid(text string) (any, error) {
	const size = 16
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != size {
		return nil, errTag
	}
	h := hex.EncodeToString(raw)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"), nil
}

// when reads an HTTP date; None, as Werkzeug makes it, of what is none.
func when(text string) any {
	at, err := http.ParseTime(text)
	if err != nil {
		return nil
	}
	return foreign(at.UTC().Format(time.RFC3339))
}
