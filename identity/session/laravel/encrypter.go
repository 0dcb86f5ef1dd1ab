package laravel

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// errSealed is the one error for all that an envelope can have wrong.
var errSealed = errors.New("not encrypted by one of the keys")

// encrypter opens what Illuminate\Encryption\Encrypter sealed.
type encrypter struct {
	gcm  bool
	keys []key
}

type key struct {
	text string // as it is configured
	raw  []byte
	seal cipher.AEAD  // of GCM
	cbc  cipher.Block // of CBC
}

// ciphers are app.cipher, and the size of their keys.
var ciphers = map[string]int{"aes-256-cbc": 32, "aes-128-cbc": 16, "aes-256-gcm": 32, "aes-128-gcm": 16}

func newEncrypter(name string, texts []string) (encrypter, error) {
	size, ok := ciphers[strings.ToLower(name)]
	switch {
	case !ok:
		return encrypter{}, fmt.Errorf("laravel's cipher %q is not known: write AES-256-CBC, AES-256-GCM, AES-128-CBC or AES-128-GCM", name)
	case len(texts) == 0 || texts[0] == "":
		return encrypter{}, errors.New("laravel sessions need the monolith's APP_KEY")
	}
	e := encrypter{gcm: strings.HasSuffix(strings.ToLower(name), "gcm")}
	for i, text := range texts {
		raw := []byte(text)
		if encoded, ok := strings.CutPrefix(text, "base64:"); ok {
			raw, _ = decode64(encoded, false)
		}
		if len(raw) != size {
			return encrypter{}, fmt.Errorf("laravel's key %d has %d bytes, and %s needs %d; is it APP_KEY with its base64: before it?", i+1, len(raw), name, size)
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return encrypter{}, err
		}
		k := key{text: text, raw: raw, cbc: block}
		if k.seal, err = cipher.NewGCM(block); err != nil {
			return encrypter{}, err
		}
		e.keys = append(e.keys, k)
	}
	return e, nil
}

// envelope is what is sealed: base64 of a JSON object.
type envelope struct {
	iv, value, mac, tag string
}

// decrypt opens an envelope with the first key that made it.
func (e encrypter) decrypt(text string) (string, error) {
	sealed, ok := parse(text)
	if !ok {
		return "", errSealed
	}
	iv, ok := decode64(sealed.iv, true)
	if !ok || len(iv) != e.ivSize() {
		return "", errSealed
	}
	value, _ := decode64(sealed.value, false) // as openssl_decrypt does
	tag, _ := decode64(sealed.tag, false)
	if sealed.tag == "0" { // empty, for PHP
		tag = nil
	}
	for _, key := range e.keys {
		if e.gcm {
			if len(tag) != key.seal.Overhead() {
				return "", errSealed
			}
			if plain, err := key.seal.Open(nil, iv, append(value[:len(value):len(value)], tag...), nil); err == nil {
				return string(plain), nil
			}
			continue
		}
		mac := hmac.New(sha256.New, key.raw)
		mac.Write([]byte(sealed.iv + sealed.value))
		if hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(sealed.mac)) {
			if sealed.tag != "" && sealed.tag != "0" {
				return "", errSealed
			}
			return unpad(key.cbc, iv, value)
		}
	}
	return "", errSealed
}

func (e encrypter) ivSize() int {
	if e.gcm {
		return e.keys[0].seal.NonceSize()
	}
	return aes.BlockSize
}

// unpad decrypts CBC and takes PKCS#7's padding off. The MAC was right, so what
// is said of the padding tells nobody anything.
func unpad(block cipher.Block, iv, value []byte) (string, error) {
	if len(value) == 0 || len(value)%aes.BlockSize != 0 {
		return "", errSealed
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(value, value)
	pad := int(value[len(value)-1])
	if pad == 0 || pad > aes.BlockSize {
		return "", errSealed
	}
	for _, c := range value[len(value)-pad:] {
		if int(c) != pad {
			return "", errSealed
		}
	}
	return string(value[:len(value)-pad]), nil
}

// parse reads an envelope as PHP's base64_decode and json_decode do.
func parse(text string) (envelope, bool) {
	data, _ := decode64(text, false)
	if !utf8.Valid(data) {
		return envelope{}, false
	}
	var members map[string]json.RawMessage // a struct would take IV for iv
	if json.Unmarshal(data, &members) != nil {
		return envelope{}, false
	}
	var out envelope
	for name, into := range map[string]*string{"iv": &out.iv, "value": &out.value, "mac": &out.mac, "tag": &out.tag} {
		member, ok := members[name]
		if !ok || string(member) == "null" {
			if name != "tag" {
				return envelope{}, false
			}
			continue
		}
		if json.Unmarshal(member, into) != nil {
			return envelope{}, false
		}
	}
	return out, true
}
