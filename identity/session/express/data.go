package express

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"
)

// object is a JSON object whose values are still text: most are never looked at.
// Of two equal keys the last counts, as with JSON.parse.
type object map[string]json.RawMessage

var (
	errNone   = errors.New("no session") // what JavaScript takes for none
	errJSON   = errors.New("session data that is no JSON")
	errNoDict = errors.New("session data that is no object")
	errNoTTL  = errors.New("a session whose cookie member is no object, or its expires no time")
)

// decode reads an object. Errors hold nothing of the data.
func decode(data []byte) (object, error) {
	if !utf8.Valid(data) { // of which JavaScript makes other characters than Go
		return nil, errJSON
	}
	var out object
	err := json.Unmarshal(data, &out)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case kind, err == nil && out == nil:
		return nil, errNoDict
	case err != nil:
		return nil, errJSON
	}
	return out, nil
}

// parse reads what connect-redis stored and when it ends by its own word; zero
// when it has none. errNone says that the framework takes it for no session: an
// empty value and null. For what it answers 500 to there are other errors.
func parse(data []byte) (found object, until time.Time, err error) {
	switch string(bytes.Trim(data, " \t\r\n")) {
	case "null", "false", "0", `""`:
		return nil, until, errNone
	case "":
		if len(data) == 0 {
			return nil, until, errNone
		}
	}
	if found, err = decode(data); err != nil {
		return nil, until, err
	}
	cookie, err := decode(found["cookie"])
	if err != nil {
		return nil, until, errNoTTL
	}
	expires := cookie["expires"]
	if expires == nil || string(expires) == "null" || string(expires) == "false" {
		return found, until, nil // false is what a session cookie had in old versions
	}
	var text string
	if json.Unmarshal(expires, &text) != nil {
		return nil, until, errNoTTL
	}
	until, err = time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, until, errNoTTL
	}
	return found, until, nil
}
