package rails

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1" // #nosec G505 -- what Rails before 7.0 derives its keys with
	"crypto/sha256"
	"fmt"
	"hash"
)

// What Rails derives its keys with: Rails::Application#key_generator, and the
// salts of ActionDispatch::Railtie, with which a key of one kind never serves as
// another.
const (
	iterations = 1000
	gcmSalt    = "authenticated encrypted cookie"
	cbcSalt    = "encrypted cookie"
	cbcMACSalt = "signed encrypted cookie"
	signedSalt = "signed cookie"
	macBytes   = 64 // ActiveSupport::KeyGenerator's standard length
	aesBytes   = 32
)

// keys are everything a cookie may be sealed with, the newest secret's first.
type keys []keySet

// keySet is what one secret and one hash give.
type keySet struct {
	gcm            cipher.AEAD
	cbc            cipher.Block
	cbcMAC, signed []byte
}

// derive makes the keys of each secret with both hashes: SHA-256 since
// config.load_defaults 7.0, SHA-1 before, and an upgraded monolith has cookies
// of both.
func derive(secrets []string) (keys, error) {
	var out keys
	for _, secret := range secrets {
		for _, hash := range []func() hash.Hash{sha256.New, sha1.New} {
			set, err := newKeySet(hash, secret)
			if err != nil {
				return nil, fmt.Errorf("deriving the keys of rails' cookies: %w", err)
			}
			out = append(out, set)
		}
	}
	return out, nil
}

func newKeySet(hash func() hash.Hash, secret string) (set keySet, err error) {
	raw := map[string][]byte{}
	for salt, length := range map[string]int{gcmSalt: aesBytes, cbcSalt: aesBytes, cbcMACSalt: macBytes, signedSalt: macBytes} {
		if raw[salt], err = pbkdf2.Key(hash, secret, []byte(salt), iterations, length); err != nil {
			return set, err
		}
	}
	block, err := aes.NewCipher(raw[gcmSalt])
	if err != nil {
		return set, err
	}
	if set.gcm, err = cipher.NewGCM(block); err != nil {
		return set, err
	}
	if set.cbc, err = aes.NewCipher(raw[cbcSalt]); err != nil {
		return set, err
	}
	set.cbcMAC, set.signed = raw[cbcMACSalt], raw[signedSalt]
	return set, nil
}
