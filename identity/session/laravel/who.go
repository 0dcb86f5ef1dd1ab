package laravel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// maxSubject is the longest ID of a user, in bytes.
const maxSubject = 1024

var errSubject = errors.New("the user's ID is neither a number nor a text")

// who does as Illuminate\Auth\SessionGuard::user, and as the middleware
// AuthenticateSession.
func (s *Sessions) who(ctx context.Context, vars *unserialize.Array) (session.Principal, error) {
	none := session.Principal{}
	id, err := s.subject(vars)
	if err != nil {
		return none, err
	}
	session.Step(ctx, "a user signed in")
	if s.users == nil {
		return session.Principal{Subject: id, Backend: s.config.Guard}, nil
	}
	user, err := s.users.find(ctx, id)
	if err != nil {
		return none, err
	}
	if s.config.AuthenticateSession && !s.current(vars, user.password) {
		return none, nobody(session.OtherHash)
	}
	session.Step(ctx, "the user's row agrees")
	return session.Principal{Subject: user.id, Backend: s.config.Guard, User: user.columns}, nil
}

// subject answers the user's ID: what is there, unless it is null.
func (s *Sessions) subject(vars *unserialize.Array) (string, error) {
	value, _ := vars.Get(s.userKey)
	switch v := value.(type) {
	case nil:
		return "", nobody(session.NoUser)
	case int64:
		return strconv.FormatInt(v, 10), nil
	case string:
		if v != "" && len(v) <= maxSubject && utf8.ValidString(v) {
			return strings.Clone(v), nil
		}
	}
	return "", unknown(session.Undecodable, errSubject)
}

// current says whether a session is from after the password was set. Without a
// hash it is one that the middleware has not seen yet, and will take.
func (s *Sessions) current(vars *unserialize.Array, password string) bool {
	value, _ := vars.Get(s.hashKey)
	if value == nil {
		return true
	}
	hash, ok := value.(string)
	if !ok {
		return false
	}
	// SessionGuard::hashPasswordForCookie, 12.45 and later.
	mac := hmac.New(sha256.New, []byte(s.crypt.keys[0].text))
	mac.Write([]byte(password))
	return hmac.Equal([]byte(hash), []byte(hex.EncodeToString(mac.Sum(nil)))) || hmac.Equal([]byte(hash), []byte(password))
}
