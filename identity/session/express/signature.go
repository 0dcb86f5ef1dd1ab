package express

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
)

// unsign answers the session's ID of a cookie, or why there is none:
//
//	"s:" ID "." base64(HMAC-SHA256(secret, ID)) without "="
//
// The ID is any text, so the signature follows the last dot; it is compared as
// text, so that only one spelling passes (express-session/index.js: getcookie,
// unsigncookie; cookie-signature 1.0.7).
func unsign(text string, secrets [][]byte) (id string, why session.Reason) {
	text, marked := strings.CutPrefix(text, "s:")
	dot := strings.LastIndexByte(text, '.')
	if !marked || dot < 1 {
		return "", session.BadCookie
	}
	id, signature := text[:dot], text[dot+1:]
	var sum [sha256.Size]byte
	var right [43]byte // of 32 bytes in base64
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id))
		base64.RawStdEncoding.Encode(right[:], mac.Sum(sum[:0]))
		if subtle.ConstantTimeCompare(right[:], []byte(signature)) == 1 {
			return id, ""
		}
	}
	return "", session.BadSignature
}
