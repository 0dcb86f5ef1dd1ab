package laravel

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- the format's
	"encoding/hex"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
)

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
