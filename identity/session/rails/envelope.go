package rails

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

var (
	errMarshal  = errors.New("a session in Marshal or MessagePack, which only Ruby reads: use `sessions introspect`, or let Rails write JSON")
	errNoJSON   = errors.New("a session that is no JSON") // the parser's error would quote it
	errNoObject = errors.New("a session that is no object")
	errEnvelope = errors.New("a cookie with an envelope of an unknown form")
)

// message is what a cookie's envelope holds.
type message struct {
	data    []byte
	expires time.Time // zero: never
}

// unwrap takes the envelope off a cookie's plain text
// (active_support/messages/metadata.rb):
//
//	{"_rails":{"message":"<b64>","exp":null|"<RFC 3339>","pur":"cookie.<name>"}}
//
// A text without one is the message itself, as Rails before 5.2 wrote it. An
// envelope without a purpose passes, as in ActionDispatch::Cookies.
func (s *Sessions) unwrap(plain []byte) (message, error) {
	outer, _ := object(plain) // what is no object is no envelope
	inner, wrapped := outer["_rails"]
	if !wrapped {
		return message{data: plain}, nil
	}
	fields, err := object(inner)
	if err != nil {
		return message{}, unknown(session.Undecodable, errEnvelope)
	}
	text, ok, err := fields.text("message")
	if err != nil || !ok {
		return message{}, unknown(session.Undecodable, errEnvelope)
	}
	purpose, _, err := fields.text("pur")
	if err != nil {
		return message{}, unknown(session.Undecodable, errEnvelope)
	}
	data, strict := unbase64(text)
	if !strict || purpose != "" && purpose != "cookie."+s.config.CookieName {
		return message{}, nobody(session.BadCookie)
	}
	expires, err := s.fresh(fields)
	return message{data, expires}, err
}

// fresh answers when an envelope expires, zero for never. One that has no time
// where it should be has expired, as in Rails.
func (s *Sessions) fresh(fields values) (time.Time, error) {
	text, ok, err := fields.text("exp")
	if err == nil && !ok {
		return time.Time{}, nil
	}
	expires, malformed := time.Parse(time.RFC3339, text)
	if err != nil || malformed != nil || !s.now().Before(expires) {
		return time.Time{}, nobody(session.Expired)
	}
	return expires, nil
}

// values are an object's members, each still its own JSON text; null is like a
// missing one.
type values map[string]json.RawMessage

// decode reads a session. What Rails would answer a 500 to is unavailable.
func decode(data []byte) (values, error) {
	out, err := object(data)
	switch {
	case err == nil:
		return out, nil
	case bytes.HasPrefix(data, []byte("\x04\x08")), bytes.HasPrefix(data, []byte("\xcc\x80")):
		return nil, unknown(session.Unsupported, errMarshal)
	case string(data) == "null" || string(data) == "false":
		return nil, nobody(session.NoSession)
	}
	return nil, unknown(session.Undecodable, err)
}

// object reads a JSON object; of two equal members the last counts, as in Ruby.
func object(data []byte) (values, error) {
	if len(data) == 0 || strings.IndexByte(" \t\r\n{", data[0]) < 0 {
		return nil, errNoObject
	}
	var read values
	if err := json.Unmarshal(data, &read); err != nil {
		if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
			return nil, errNoObject
		}
		return nil, errNoJSON
	}
	for key, value := range read {
		if string(value) == "null" {
			delete(read, key)
		}
	}
	return read, nil
}

// text answers a member that must be a text; ok is false when it is missing.
func (v values) text(key string) (text string, ok bool, err error) {
	raw, ok := v[key]
	if !ok {
		return "", false, nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", true, errNoJSON
	}
	return text, true, nil
}

// truthy says whether Ruby takes a member for true: all but nil and false.
func (v values) truthy(key string) bool {
	raw, ok := v[key]
	return ok && string(raw) != "false"
}
