package rails

import (
	"crypto/rand"
	"encoding/base64"
)

// Seal encrypts any text as Rails would: with the newest secret's keys.
func (s *Sessions) Seal(plain []byte) string {
	iv := make([]byte, 12)
	_, _ = rand.Read(iv)
	out := s.keys[0].gcm.Seal(nil, iv, plain, nil)
	end := len(out) - 16
	b64 := base64.StdEncoding.EncodeToString
	return b64(out[:end]) + "--" + b64(iv) + "--" + b64(out[end:])
}
