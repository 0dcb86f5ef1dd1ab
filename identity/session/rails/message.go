package rails

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- Rails' standard for what it signs
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
)

// The wire formats of ActiveSupport::MessageEncryptor and MessageVerifier
// (activesupport/lib/active_support/message_{encryptor,verifier}.rb); b64 is
// standard base64 with padding:
//
//	AES-256-GCM  b64(ciphertext)--b64(iv, 12)--b64(tag, 16), no associated data
//	AES-256-CBC  b64(b64(ciphertext)--b64(iv, 16))--hex(HMAC(left of it))
//	signed       b64(data)--hex(HMAC(left of it))
const separator = "--"

// errSpelling is a message that is ours and has something after it. Rails before
// 7.1 looks at the first parts only, 7.1 takes the message from its end.
var errSpelling = errors.New("a cookie with more parts than it needs, which versions of Rails read differently")

// decrypt answers what an encrypted cookie holds. One refusal stands for all that
// is wrong with one, so that nobody learns what it was.
func (k keys) decrypt(message string) ([]byte, error) {
	if plain, err := k.openGCM(message); plain != nil || err != nil {
		return plain, err
	}
	signed, mac, err := k.verify(message, func(set keySet) []byte { return set.cbcMAC })
	if err != nil {
		return nil, err
	}
	if plain := mac.openCBC(signed); plain != nil {
		return plain, nil
	}
	return nil, nobody(session.BadSignature)
}

// openGCM answers nil when none of the keys made it.
func (k keys) openGCM(message string) ([]byte, error) {
	parts := split(message)
	if len(parts) < 3 {
		return nil, nil
	}
	var text [3][]byte
	for i := range text {
		var ok bool
		if text[i], ok = unbase64(parts[i]); !ok {
			return nil, nil
		}
	}
	data, iv, tag := text[0], text[1], text[2]
	if len(data) == 0 || len(iv) != 12 || len(tag) != 16 {
		return nil, nil
	}
	data = append(data, tag...)
	for _, set := range k {
		if plain, err := set.gcm.Open(nil, iv, data, nil); err == nil {
			if len(parts) > 3 || strings.HasSuffix(message, separator) {
				return nil, unknown(session.Undecodable, errSpelling)
			}
			return plain, nil
		}
	}
	return nil, nil
}

// verify answers the data of a signed message, and which keys signed it.
func (k keys) verify(message string, key func(keySet) []byte) (data []byte, by keySet, err error) {
	parts := split(message)
	if len(parts) < 2 || parts[0] == "" {
		return nil, by, nobody(session.BadSignature)
	}
	for _, set := range k {
		if !signed(key(set), parts[0], parts[1]) {
			continue
		}
		if len(parts) > 2 || strings.HasSuffix(message, separator) {
			return nil, by, unknown(session.Undecodable, errSpelling)
		}
		if data, ok := unbase64(parts[0]); ok {
			return data, set, nil
		}
		break
	}
	return nil, by, nobody(session.BadSignature)
}

// signed says whether signature, in hex, is that of text. Its length says which
// hash it is: SHA-1 unless config.action_dispatch.signed_cookie_digest says more.
func signed(key []byte, text, signature string) bool {
	var digest func() hash.Hash
	switch len(signature) {
	case 2 * sha1.Size:
		digest = sha1.New
	case 2 * sha256.Size:
		digest = sha256.New
	default:
		return false
	}
	mac := hmac.New(digest, key)
	mac.Write([]byte(text))
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature)) == 1
}

// openCBC decrypts what was verified before; nil when it cannot be.
func (set keySet) openCBC(message []byte) []byte {
	parts := split(string(message))
	if len(parts) < 2 {
		return nil
	}
	data, ok := unbase64(parts[0])
	iv, fine := unbase64(parts[1])
	if !ok || !fine || len(iv) != aes.BlockSize || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil
	}
	cipher.NewCBCDecrypter(set.cbc, iv).CryptBlocks(data, data)
	padding := int(data[len(data)-1]) // RFC 5652, section 6.3
	if padding == 0 || padding > aes.BlockSize {
		return nil
	}
	for _, c := range data[len(data)-padding:] {
		if int(c) != padding {
			return nil
		}
	}
	return data[:len(data)-padding]
}

// split does as Ruby's String#split, which drops empty parts at the end.
func split(message string) []string {
	parts := strings.Split(message, separator)
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// unbase64 does as Ruby's Base64.strict_decode64: one spelling for each value,
// and no line ends, which Go would skip.
func unbase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	out, err := base64.StdEncoding.Strict().DecodeString(text)
	return out, err == nil
}
