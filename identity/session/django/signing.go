package django

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- what Django 3.2 still accepts, when the configuration says so
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/python"
)

// The wire format of django.core.signing.TimestampSigner:
//
//	["."] b64(payload) ":" base62(unix seconds) ":" b64(HMAC(key, all left of the last ":"))
//
// with key = hash(salt + "signer" + SECRET_KEY), base64url without padding; the
// dot says that the payload is deflated (django/core/signing.py,
// django/utils/crypto.py: salted_hmac).

// signers are the keys that may have signed: each secret, with each hash.
type signers []signer

type signer struct {
	hash func() hash.Hash
	key  []byte
}

func newSigners(config Config, salt string) signers {
	var out signers
	add := func(hash func() hash.Hash, secret string) {
		h := hash()
		h.Write([]byte(salt + secret))
		out = append(out, signer{hash, h.Sum(nil)})
	}
	for _, secret := range config.SecretKeys {
		add(sha256.New, secret)
	}
	for _, secret := range config.SecretKeys {
		if config.SHA1 {
			add(sha1.New, secret)
		}
	}
	return out
}

// signed says whether one of the keys made this signature of text. It compares
// text, so that only the one spelling passes.
func (s signers) signed(text, signature string, encode func([]byte) string) bool {
	for _, signer := range s {
		mac := hmac.New(signer.hash, signer.key)
		mac.Write([]byte(text))
		if subtle.ConstantTimeCompare([]byte(encode(mac.Sum(nil))), []byte(signature)) == 1 {
			return true
		}
	}
	return false
}

// signedPassword says whether hash, in hex, is that of a password.
func (s signers) signedPassword(password, hash string) bool {
	return s.signed(password, hash, hex.EncodeToString)
}

var (
	errForm     = errors.New("signed data of an unknown form")
	errTooLarge = python.ErrTooLarge
)

const maxData = python.MaxData

// unsign answers the payload of a signed text and when it was signed. A text
// that none of the keys signed is refused as nobody's, with BadSignature.
func (s signers) unsign(text string) (payload []byte, at time.Time, err error) {
	end := strings.LastIndexByte(text, ':')
	if end < 0 || !s.signed(text[:end], text[end+1:], base64.RawURLEncoding.EncodeToString) {
		return nil, at, nobody(session.BadSignature)
	}
	body := text[:end]
	mid := strings.LastIndexByte(body, ':')
	if mid < 0 {
		return nil, at, unknown(session.Undecodable, errForm)
	}
	seconds, ok := base62(body[mid+1:])
	if !ok {
		return nil, at, unknown(session.Undecodable, errForm)
	}
	body, deflated := strings.CutPrefix(body[:mid], ".")
	payload, err = base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, at, unknown(session.Undecodable, errForm)
	}
	if deflated {
		if payload, err = python.Inflate(payload); err != nil {
			return nil, at, unknown(session.Undecodable, err)
		}
	}
	return payload, time.Unix(seconds, 0), nil
}

const digits62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// base62 reads a number as django/core/signing.py's b62_decode; a negative one
// or one beyond any clock is refused.
func base62(text string) (n int64, ok bool) {
	for _, c := range []byte(text) {
		digit := strings.IndexByte(digits62, c)
		if digit < 0 || n > 1<<50 {
			return 0, false
		}
		n = n*62 + int64(digit)
	}
	return n, text != ""
}
