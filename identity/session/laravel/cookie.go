package laravel

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- the format's
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/php"
)

// mark is behind the value of a session that a remember-me cookie came with.
const mark = ";remember"

var errRemember = errors.New("nobody is signed in by the session, and there is a remember-me cookie, by which the monolith may")

// Cookie answers the value of the session cookie as PHP finds it, marked when there
// is a remember-me cookie, too; see [php.FindCookie].
func (s *Sessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	value, known, ok = php.FindCookie(header, s.config.CookieName)
	_, other, remembered := php.FindCookie(header, s.remember)
	remembered = remembered || other.State == session.Unavailable
	switch {
	case ok && strings.HasSuffix(value, mark): // it was sent so, and is no envelope of Laravel's
		return "", session.Unknown(session.AmbiguousCookie, nil), false
	case remembered && ok:
		value += mark
	case remembered && known.State == session.Anonymous:
		return "", session.Unknown(session.Unsupported, errRemember), false
	}
	return value, known, ok
}

// idLength is that of a session's ID (Illuminate\Session\Store::isValidId).
const idLength = 40

// id answers the session's ID that a cookie has inside
// (Illuminate\Cookie\Middleware\EncryptCookies).
func (s *Sessions) id(cookie string) (string, error) {
	plain, err := s.crypt.decrypt(cookie)
	if err != nil {
		return "", nobody(session.BadSignature)
	}
	for _, prefix := range s.prefixes {
		if id, ok := strings.CutPrefix(plain, prefix); ok { // what is authenticated needs no constant time
			if !validID(id) {
				return "", nobody(session.BadCookie)
			}
			return id, nil
		}
	}
	return "", nobody(session.BadSignature) // another cookie of the monolith's
}

// cookiePrefix ties a value to the cookie's name (CookieValuePrefix::create).
func cookiePrefix(name string, key []byte) string {
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(name + "v2"))
	return hex.EncodeToString(mac.Sum(nil)) + "|"
}

func validID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
