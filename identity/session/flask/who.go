package flask

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// who says who is signed in, as Flask-Login's _load_user begins: whoever's ID is
// not None (flask_login/login_manager.py).
func (s *Sessions) who(ctx context.Context, data map[string]any, until time.Time) session.Outcome {
	value, ok := at(data, s.user)
	if !ok || value == nil {
		return session.Nobody(session.NoUser)
	}
	id, err := userID(value)
	if err != nil {
		return session.Unknown(session.Undecodable, err)
	}
	session.Step(ctx, "a user signed in")
	principal := session.Principal{Subject: id, Expires: until, Session: s.values(data)}
	if s.users == nil {
		return session.Is(principal)
	}
	return s.users.check(ctx, principal)
}

func (s *Sessions) values(data map[string]any) map[string]any {
	var out map[string]any
	for _, path := range s.claims {
		if value, ok := at(data, path); ok && value != nil {
			if out == nil {
				out = make(map[string]any, len(s.claims))
			}
			out[path.String()] = value
		}
	}
	return out
}

func at(value any, path session.Path) (any, bool) {
	for _, key := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[key]; !ok {
			return nil, false
		}
	}
	return value, true
}

var errUser = errors.New("a user's ID that is neither a text nor an integer")

// userID reads an ID: a text that is not empty, or an integer.
func userID(value any) (string, error) {
	switch value := value.(type) {
	case string:
		// U+FFFD stands for half a character, which Python keeps apart from others.
		if value != "" && !strings.ContainsRune(value, '\ufffd') {
			return value, nil
		}
	case json.Number:
		const longest = 20
		if text := value.String(); len(text) <= longest && strings.Trim(text, "-0123456789") == "" {
			if text == "-0" {
				text = "0"
			}
			return text, nil
		}
	}
	return "", errUser
}
