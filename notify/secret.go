package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Secret is the key that signs. It is never printed, logged or marshalled.
type Secret []byte

const (
	secretPrefix  = "whsec_"
	minSecret     = 24 // bytes, as in Standard Webhooks 1.0.0
	maxSecret     = 64
	hidden        = "[secret]"
	howToSecret   = "make one: echo whsec_$(openssl rand -base64 32)" //nolint:gosec // how to make one
	signedVersion = "v1,"
)

// ParseSecret reads a secret as Standard Webhooks writes it: "whsec_" and the
// base64 of 24 to 64 bytes. The error does not hold it.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, errors.New("the secret is not " + secretPrefix + " and the base64 of 24 to 64 bytes; " + howToSecret)
	}
	return key, nil
}

// String implements fmt.Stringer; it hides the secret.
func (Secret) String() string { return hidden }

// Format implements fmt.Formatter; it hides the secret from every verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// MarshalText implements encoding.TextMarshaler; it hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue implements slog.LogValuer; it hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// sign is the value of webhook-signature.
func (s Secret) sign(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return signedVersion + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
