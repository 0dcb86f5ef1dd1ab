package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
)

// Algorithm is how a key signs (RFC 7518, section 3.1; RFC 8037 for EdDSA). A
// key has one for its whole life.
type Algorithm string

// The algorithms. ES256 is the default: every library knows it, and its tokens
// are short.
const (
	ES256 Algorithm = "ES256" // ECDSA on P-256
	EdDSA Algorithm = "EdDSA" // Ed25519
	RS256 Algorithm = "RS256" // RSA, PKCS #1 v1.5, SHA-256
	RS512 Algorithm = "RS512" // RSA, PKCS #1 v1.5, SHA-512
)

// Algorithms are all that a key can have.
var Algorithms = []Algorithm{ES256, EdDSA, RS256, RS512}

// minRSA is how many bits an RSA key needs (RFC 7518, section 3.3), and how
// many ours have.
const minRSA = 2048

// ErrAlgorithm says that the algorithm is none of Algorithms, or does not fit
// the key or the service.
var ErrAlgorithm = errors.New("wrong algorithm")

func (a Algorithm) rsa() bool { return a == RS256 || a == RS512 }

// generate makes a private key.
func (a Algorithm) generate() (crypto.Signer, error) {
	switch a {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case RS256, RS512:
		return rsa.GenerateKey(rand.Reader, minRSA)
	}
	return nil, fmt.Errorf("%w %q: use one of %v", ErrAlgorithm, string(a), Algorithms)
}

// fits says what is wrong with a public key for the algorithm.
func (a Algorithm) fits(public crypto.PublicKey) error {
	fits := false
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		fits = a == ES256 && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		fits = a == EdDSA
	case *rsa.PublicKey:
		fits = a.rsa()
		if bits := key.N.BitLen(); fits && bits < minRSA {
			return fmt.Errorf("%w: an RSA key of %d bits, it needs %d", ErrAlgorithm, bits, minRSA)
		}
	}
	if !fits {
		return fmt.Errorf("%w: %s does not sign with a %T", ErrAlgorithm, a, public)
	}
	return nil
}

// sign answers the signature of a message as RFC 7515 writes it.
func (a Algorithm) sign(private crypto.Signer, message []byte) ([]byte, error) {
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		return signES256(key, message)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, message), nil
	case *rsa.PrivateKey:
		if a == RS512 {
			digest := sha512.Sum512(message)
			return rsa.SignPKCS1v15(nil, key, crypto.SHA512, digest[:])
		}
		digest := sha256.Sum256(message)
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	}
	return nil, fmt.Errorf("%w: %s does not sign with a %T", ErrAlgorithm, a, private)
}

// signES256 answers R and S, 32 bytes each (RFC 7518, section 3.4).
func signES256(key *ecdsa.PrivateKey, message []byte) ([]byte, error) {
	const half = 32
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 2*half)
	r.FillBytes(signature[:half])
	s.FillBytes(signature[half:])
	return signature, nil
}
