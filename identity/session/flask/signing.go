package flask

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- what Flask signs by
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/python"
)

// The wire format of itsdangerous' URLSafeTimedSerializer:
//
//	["."] b64(payload) "." b64(big-endian unix seconds) "." b64(HMAC(key, all left of the last "."))
//
// with key = HMAC(SECRET_KEY, salt) and base64url without padding; a dot before the
// payload says that it is deflated (itsdangerous/signer.py, timed.py, url_safe.py).

// signer has the keys that may have signed.
type signer struct {
	hash func() hash.Hash
	keys [][]byte
}

func newSigner(config Config) (signer, error) {
	hashes := []func() hash.Hash{sha1.New, sha256.New, sha512.New}
	if int(config.Digest) >= len(hashes) {
		return signer{}, fmt.Errorf("the digest %d is not known", config.Digest)
	}
	s := signer{hash: hashes[config.Digest]}
	for _, secret := range config.SecretKeys {
		mac := hmac.New(s.hash, []byte(secret))
		mac.Write([]byte(config.Salt))
		s.keys = append(s.keys, mac.Sum(nil))
	}
	return s, nil
}

var (
	errSpelling = errors.New("a signature that is right, and spelled in another way than Flask does")
	errPayload  = errors.New("a signed payload that is no base64")
)

// unsign answers a cookie's payload and when it was signed, in Unix seconds; or
// why nobody's it is; or an error for what Flask fails at.
func (s signer) unsign(value string) (payload []byte, at int64, why session.Reason, err error) {
	end := strings.LastIndexByte(value, '.')
	if end < 0 {
		return nil, 0, session.BadCookie, nil
	}
	body, signature := value[:end], value[end+1:]
	if signed, spelled := s.signed(body, signature); !signed {
		return nil, 0, session.BadSignature, nil
	} else if !spelled {
		return nil, 0, "", errSpelling
	}
	mid := strings.LastIndexByte(body, '.')
	if mid < 0 {
		return nil, 0, session.BadCookie, nil // signed, but without a time
	}
	const most = 8 // bytes of a time
	seconds, ok := fromBase64(body[mid+1:])
	if !ok || len(seconds) > most {
		return nil, 0, session.BadCookie, nil
	}
	var number [most]byte
	copy(number[most-len(seconds):], seconds)
	body, deflated := strings.CutPrefix(body[:mid], ".")
	if payload, ok = fromBase64(body); !ok {
		return nil, 0, "", errPayload
	}
	if deflated {
		if payload, err = python.Inflate(payload); err != nil {
			return nil, 0, "", err
		}
	}
	return payload, clamp(binary.BigEndian.Uint64(number[:])), "", nil
}

// clamp keeps times that are beyond any clock in the future.
func clamp(seconds uint64) int64 { return int64(min(seconds, 1<<40)) }

// signed says whether one of the keys made this signature, and whether it is
// spelled as they do: Flask decodes it before it compares.
func (s signer) signed(text, signature string) (signed, spelled bool) {
	given, ok := fromBase64(signature)
	if !ok {
		return false, false
	}
	for _, key := range s.keys {
		mac := hmac.New(s.hash, key)
		mac.Write([]byte(text))
		if sum := mac.Sum(nil); subtle.ConstantTimeCompare(sum, given) == 1 {
			return true, base64.RawURLEncoding.EncodeToString(sum) == signature
		}
	}
	return false, false
}

// fromBase64 reads base64 as itsdangerous does, that is as Python's
// urlsafe_b64decode after padding: what is in neither alphabet is skipped
// (CPython, Modules/binascii.c: a2b_base64 without strict mode).
func fromBase64(text string) (data []byte, ok bool) {
	if data, err := base64.RawURLEncoding.DecodeString(text); err == nil {
		return data, true
	}
	text += strings.Repeat("=", (4-len(text)%4)%4)
	digits, pads := make([]byte, 0, len(text)), 0
	for _, c := range []byte(text) {
		switch {
		case c == '=':
			if quad := len(digits) % 4; quad >= 2 {
				if pads++; quad+pads >= 4 {
					return plain(digits) // whatever follows
				}
			}
			continue
		case c == '+':
			c = '-'
		case c == '/':
			c = '_'
		case c != '-' && c != '_' && !alphanumeric(c):
			continue
		}
		pads = 0
		digits = append(digits, c)
	}
	if len(digits)%4 != 0 {
		return nil, false
	}
	return plain(digits)
}

func plain(digits []byte) (data []byte, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(string(digits))
	return data, err == nil
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
