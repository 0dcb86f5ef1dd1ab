package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// SessionID stands for a session without opening it: HMAC-SHA256 of its key.
// It is the sid of tokens (OpenID Connect Front-Channel Logout 1.0, section 3).
type SessionID [sha256.Size]byte

// sessionDomain keeps these apart from whatever else a key may sign.
var sessionDomain = []byte("strangler-sid-1\x00")

// minSessionSecret is in bytes.
const minSessionSecret = 16

// NewSessionID answers the ID of the session with that key, which may be the
// cookie's value; it is the same as long as the secret is, which is the
// issuer's own, from 16 bytes. With a shorter one it panics: such a secret
// hides nothing.
func NewSessionID(secret []byte, key string) SessionID {
	if len(secret) < minSessionSecret {
		panic("token: a session secret needs 16 bytes or more")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(sessionDomain)
	mac.Write([]byte(key))
	return SessionID(mac.Sum(nil))
}

// String is the ID as the claim sid has it.
func (id SessionID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }
