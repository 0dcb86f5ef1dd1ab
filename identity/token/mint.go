package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	// Backdate is how long before they are minted tokens are issued and valid,
	// for verifiers whose clock is late.
	Backdate = 10 * time.Second
	// MinLeft is what a token that is handed out is good for at least: it has a
	// way to go.
	MinLeft = 5 * time.Second

	jtiBytes = 16
)

// Why there is no token; test with errors.Is. The monolith serves then.
var (
	// ErrEnding: the session ends in less than MinLeft.
	ErrEnding = errors.New("the session is about to end")
	// ErrMissing: a required claim has no value, or one of the wrong kind.
	ErrMissing = errors.New("the subject lacks what the token must say")
	// ErrInactive: the monolith knows the subject, and has locked it out.
	ErrInactive = errors.New("the subject is not active")
	// ErrTooLarge: the token would have more than MaxToken bytes.
	ErrTooLarge = errors.New("the token is too large")
)

var text = base64.RawURLEncoding

// buffers hold a token's claims, and then the token, while they are made.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

type buffer struct{ claims, token []byte }

// Mint makes a token with that key. The error wraps ErrEnding, ErrMissing,
// ErrInactive, ErrTooLarge or ErrAlgorithm.
func (s *Service) Mint(key *Key, p *Prepared, now time.Time) (Token, error) {
	expires := now.Add(s.options.Lifetime).Unix()
	if p.end != 0 {
		expires = min(expires, p.end)
	}
	if time.Unix(expires, 0).Sub(now) < MinLeft {
		return Token{}, ErrEnding
	}
	if !key.signs() || s.options.Profile == OpenEDX && !key.algorithm.rsa() {
		return Token{}, fmt.Errorf("%w: %s", ErrAlgorithm, key.algorithm)
	}
	b := buffers.Get().(*buffer)
	defer buffers.Put(b)
	var err error
	if b.claims, err = s.appendClaims(b.claims[:0], p, now.Add(-Backdate).Unix(), expires); err != nil {
		return Token{}, err
	}
	return s.sign(b, key, expires)
}

// sign makes the token (RFC 7515, section 3.1) of the claims in the buffer.
func (s *Service) sign(b *buffer, key *Key, expires int64) (Token, error) {
	header := key.headers[s.options.Type]
	if size := len(header) + 1 + text.EncodedLen(len(b.claims)); size > MaxToken {
		return Token{}, fmt.Errorf("%w: %d bytes without its signature, %d are the most; take out claims", ErrTooLarge, size, MaxToken)
	}
	start := len(s.scheme)
	b.token = append(b.token[:0], s.scheme...)
	b.token = append(b.token, header...)
	b.token = append(b.token, '.')
	b.token = text.AppendEncode(b.token, b.claims)
	signature, err := key.algorithm.sign(key.private(), b.token[start:])
	if err != nil {
		return Token{}, fmt.Errorf("signing with %s: %w", key.id, err)
	}
	b.token = append(b.token, '.')
	b.token = text.AppendEncode(b.token, signature)
	if size := len(b.token) - start; size > MaxToken {
		return Token{}, fmt.Errorf("%w: %d bytes, %d are the most; take out claims", ErrTooLarge, size, MaxToken)
	}
	return Token{authorization: string(b.token), expires: expires}, nil
}

// appendClaims writes the claims. Each value was written by encoding/json.
func (s *Service) appendClaims(to []byte, p *Prepared, issued, expires int64) ([]byte, error) {
	if s.options.Profile == OpenEDX && p.inactive() {
		return to, ErrInactive
	}
	to = append(to, s.head...)
	to = append(to, p.text[p.id:p.claims]...)
	to = strconv.AppendInt(append(to, `,"iat":`...), issued, 10)
	to = strconv.AppendInt(append(to, `,"nbf":`...), issued, 10)
	to = strconv.AppendInt(append(to, `,"exp":`...), expires, 10)
	var id [jtiBytes]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	to = text.AppendEncode(append(to, `,"jti":"`...), id[:])
	to = append(to, '"')
	for i := range s.claims {
		m := &s.claims[i]
		value := []byte(p.Attribute(m.Attribute))
		if len(value) == 0 || string(value) == "null" {
			value = m.value
		}
		switch {
		case value == nil && m.Required:
			return to, fmt.Errorf("%w: %q, from the attribute %q", ErrMissing, m.name, m.Attribute)
		case value == nil:
			continue
		}
		value, ok := m.Kind.of(value)
		if !ok {
			return to, fmt.Errorf("%w: %q, from the attribute %q, is no %s", ErrMissing, m.name, m.Attribute, m.Kind)
		}
		to = append(append(to, m.key...), value...)
	}
	return append(to, '}'), nil
}
