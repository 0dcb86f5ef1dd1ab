package django

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- the format's own
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// legacy answers the payload of a session that Django below 3.1 wrote, which 3.1
// and 3.2 still read: b64(hex(HMAC-SHA1(key, data)) + ":" + data), with key =
// SHA1("django.contrib.sessions" + class + SECRET_KEY)
// (django/contrib/sessions/backends/base.py: _legacy_decode).
func (s *Sessions) legacy(text string) (payload []byte, ok bool) {
	if !s.config.SHA1 {
		return nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	signature, data, found := strings.Cut(string(raw), ":")
	for _, secret := range s.config.SecretKeys {
		key := sha1.Sum([]byte("django.contrib.sessions" + s.config.StoreClass + secret)) // #nosec G401 -- the format's own
		mac := hmac.New(sha1.New, key[:])
		mac.Write([]byte(data))
		want := hex.EncodeToString(mac.Sum(nil))
		if found && subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1 {
			return []byte(data), true
		}
	}
	return nil, false
}
