package token

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Token is a minted token. Who has it is believed to be its subject: formatted,
// logged or marshalled it hides its text; but not from fmt in an unexported
// field of another struct, where fmt calls no methods.
type Token struct {
	authorization string // scheme, blank, text
	expires       int64  // Unix seconds
}

const hidden = "[token]"

// Authorization is the value of the Authorization header.
func (t Token) Authorization() string { return t.authorization }

// Text is the token alone.
func (t Token) Text() string { return t.authorization[strings.IndexByte(t.authorization, ' ')+1:] }

// Expires is the token's exp.
func (t Token) Expires() time.Time { return time.Unix(t.expires, 0) }

// String hides the token.
func (Token) String() string { return hidden }

// Format implements fmt.Formatter; it hides the token from every verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// MarshalText implements encoding.TextMarshaler; it hides the token.
func (Token) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue implements slog.LogValuer; it hides the token.
func (Token) LogValue() slog.Value { return slog.StringValue(hidden) }
