package session_test

import (
	"errors"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session"
)

func TestPathsAreKeysJoinedByDots(t *testing.T) {
	t.Parallel()
	for text, keys := range map[string]int{"user": 1, "passport.user": 2, "a.b.c": 3, "": 0, ".": 0, "a.": 0, ".a": 0, "a..b": 0} {
		path, err := session.ParsePath(text)
		if len(path) != keys || errors.Is(err, session.ErrPath) != (keys == 0) {
			t.Errorf("%q: %q, %v", text, path, err)
		}
		if err == nil && path.String() != text {
			t.Errorf("%q became %q", text, path)
		}
	}
}
