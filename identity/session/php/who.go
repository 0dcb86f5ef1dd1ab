package php

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// maxSubject is the longest ID of a user, in bytes.
const maxSubject = 1024

var (
	errObject  = errors.New("the user is inside an object, which is not read")
	errSubject = errors.New("the user's ID is neither a number nor a text")
)

// subject answers the user's ID.
func (s *Sessions) subject(vars *unserialize.Array) (string, error) {
	value, ok := unserialize.Lookup(vars, s.config.User)
	if !ok {
		return "", nobody(session.NoUser)
	}
	switch v := value.(type) {
	case unserialize.Object:
		return "", unknown(session.Unsupported, errObject)
	case int64:
		if v != 0 {
			return strconv.FormatInt(v, 10), nil
		}
		return "", nobody(session.NoUser)
	case string:
		switch {
		case v == "" || v == "0":
			return "", nobody(session.NoUser)
		case len(v) <= maxSubject && utf8.ValidString(v):
			return strings.Clone(v), nil
		}
	case *unserialize.Array:
		if v.Len() == 0 {
			return "", nobody(session.NoUser)
		}
	case nil:
		return "", nobody(session.NoUser)
	case bool:
		if !v {
			return "", nobody(session.NoUser)
		}
	}
	return "", unknown(session.Undecodable, errSubject)
}
