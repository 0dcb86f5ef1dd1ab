package token

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrDamaged says that a stored key set cannot be read. It holds none of it.
var ErrDamaged = errors.New("the stored key set is damaged")

// setFormat is the version of the stored form.
const setFormat = 1

// storedSet is a set as it is stored: the one place where private keys are
// written.
type storedSet struct {
	Format int         `json:"format"`
	Keys   []storedKey `json:"keys"`
}

type storedKey struct {
	ID        string     `json:"kid"`
	Algorithm Algorithm  `json:"alg"`
	Published time.Time  `json:"published"`
	Signs     time.Time  `json:"signs"`
	Retires   *time.Time `json:"retires,omitempty"`
	Public    []byte     `json:"public"`            // SubjectPublicKeyInfo, DER
	Private   []byte     `json:"private,omitempty"` // PKCS #8, DER
}

// encode writes the set, private keys and all. Equal sets have equal bytes.
func (s Set) encode() ([]byte, error) {
	stored := storedSet{Format: setFormat, Keys: make([]storedKey, len(s.Keys))}
	for i, k := range s.Keys {
		to := &stored.Keys[i]
		*to = storedKey{ID: k.ID(), Algorithm: k.Algorithm(), Published: k.Published.UTC(), Signs: k.Signs.UTC()}
		if !k.Retires.IsZero() {
			retires := k.Retires.UTC()
			to.Retires = &retires
		}
		var err error
		if to.Public, err = x509.MarshalPKIXPublicKey(k.public); err != nil {
			return nil, err
		}
		if !k.signs() {
			continue
		}
		if to.Private, err = x509.MarshalPKCS8PrivateKey(k.private()); err != nil {
			return nil, err
		}
	}
	return json.Marshal(stored)
}

// decodeSet reads what encode wrote, and believes none of it: each key must be
// the one that its ID says. The error wraps ErrDamaged.
func decodeSet(content []byte) (Set, error) {
	var stored storedSet
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&stored); err != nil {
		return Set{}, fmt.Errorf("%w: it is not the JSON of one", ErrDamaged) // err may quote it
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Set{}, fmt.Errorf("%w: there is more than one", ErrDamaged)
	}
	if stored.Format != setFormat {
		return Set{}, fmt.Errorf("%w: it has format %d, this program knows %d", ErrDamaged, stored.Format, setFormat)
	}
	set := Set{Keys: make([]Scheduled, len(stored.Keys))}
	for i, k := range stored.Keys {
		key, err := k.key()
		if err != nil {
			return Set{}, fmt.Errorf("%w: key %d of %d: %w", ErrDamaged, i+1, len(stored.Keys), err)
		}
		set.Keys[i] = Scheduled{Key: key, Published: k.Published, Signs: k.Signs}
		if k.Retires != nil {
			set.Keys[i].Retires = *k.Retires
		}
	}
	return set, nil
}

// key reads a stored key. The errors hold nothing of the key.
func (s storedKey) key() (*Key, error) {
	public, err := x509.ParsePKIXPublicKey(s.Public)
	if err != nil {
		return nil, errors.New("the public half is no SubjectPublicKeyInfo")
	}
	var signer crypto.Signer
	if s.Private != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(s.Private)
		if err != nil {
			return nil, errors.New("the private half is no PKCS #8")
		}
		var signs bool
		if signer, signs = parsed.(crypto.Signer); !signs {
			return nil, errors.New("the private half does not sign")
		}
		if same, ok := public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !same.Equal(signer.Public()) {
			return nil, errors.New("its halves are of different keys")
		}
	}
	key, err := newKey(s.Algorithm, public, signer)
	if err != nil {
		return nil, err
	}
	if key.ID() != s.ID {
		return nil, errors.New("it is not the key that its ID names")
	}
	if s.Signs.Before(s.Published) || s.Retires != nil && s.Retires.Before(s.Signs) {
		return nil, errors.New("its times are out of order")
	}
	return key, nil
}
