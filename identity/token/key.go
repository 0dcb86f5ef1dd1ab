package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
)

// Key is a key pair, or, when it no longer signs, its public half. It never
// changes, and it is never printed: formatted, logged or marshalled it is its
// ID.
type Key struct {
	id        string
	algorithm Algorithm
	public    crypto.PublicKey
	private   private // nil: it does not sign
	jwk       json.RawMessage
	headers   [len(types)]string // of its tokens, encoded, by Type
}

// private is a function because fmt calls no methods of what is in unexported
// fields, and follows even a pointer when the verb is wrong for it.
type private func() crypto.Signer

// NewKey makes a key pair at random. The error wraps ErrAlgorithm.
func NewKey(algorithm Algorithm) (*Key, error) {
	signer, err := algorithm.generate()
	if err != nil {
		return nil, err
	}
	return newKey(algorithm, signer.Public(), signer)
}

// newKey checks the public key against the algorithm; signer may be nil.
func newKey(algorithm Algorithm, public crypto.PublicKey, signer crypto.Signer) (*Key, error) {
	if err := algorithm.fits(public); err != nil {
		return nil, err
	}
	key := &Key{algorithm: algorithm, public: public}
	if signer != nil {
		key.private = func() crypto.Signer { return signer }
	}
	members, err := publicMembers(public)
	if err != nil {
		return nil, err
	}
	// RFC 7638, section 3: exactly these members, sorted, without white space,
	// which is how json.Marshal writes a map.
	canonical, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	thumbprint := sha256.Sum256(canonical)
	key.id = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	members["kid"], members["alg"], members["use"] = key.id, string(algorithm), "sig"
	if key.jwk, err = json.Marshal(members); err != nil {
		return nil, err
	}
	for i, typ := range types {
		header, err := json.Marshal(map[string]string{"alg": string(algorithm), "kid": key.id, "typ": typ})
		if err != nil {
			return nil, err
		}
		key.headers[i] = base64.RawURLEncoding.EncodeToString(header)
	}
	return key, nil
}

// publicMembers are the members of a public JWK that its thumbprint is of
// (RFC 7638, section 3.2; RFC 8037, section 2 and appendix A.3).
func publicMembers(public crypto.PublicKey) (map[string]string, error) {
	text := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4, X, Y
		if err != nil {
			return nil, err
		}
		half := len(point) / 2
		return map[string]string{"kty": "EC", "crv": "P-256", "x": text(point[1 : half+1]), "y": text(point[half+1:])}, nil
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": text(key)}, nil
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes())}, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrAlgorithm, public)
}

// ID is the key's RFC 7638 thumbprint with SHA-256, 43 characters.
func (k Key) ID() string { return k.id }

// Algorithm is what the key signs with.
func (k Key) Algorithm() Algorithm { return k.algorithm }

// JWK is the public key as RFC 7517 writes it, with kid, alg and use.
func (k Key) JWK() json.RawMessage { return k.jwk }

// Public is the public key.
func (k Key) Public() crypto.PublicKey { return k.public }

// signs says whether the private half is there.
func (k *Key) signs() bool { return k.private != nil }

// withoutPrivate is the key that only verifies.
func (k Key) withoutPrivate() *Key {
	k.private = nil
	return &k
}

// String is the key's ID; it hides the rest.
func (k Key) String() string { return k.id }

// Format implements fmt.Formatter; it hides the key from every verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(k.id)) }

// MarshalText implements encoding.TextMarshaler; it hides the key.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.id), nil }

// LogValue implements slog.LogValuer; it hides the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.id) }
