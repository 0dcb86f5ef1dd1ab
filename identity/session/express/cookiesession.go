package express

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- what cookie-session signs by (keygrip's default)
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// CookieConfig is what the application gives cookie-session. Zero values are its
// defaults, except that there is none for the keys.
type CookieConfig struct {
	// Keys are its keys, or its secret. Needed. Sessions that are not signed
	// (signed: false) are what their owner writes, so they are not read.
	Keys []string
	// CookieName is its name; session. The signature is in a cookie of that name
	// and .sig.
	CookieName string
	Identity   Identity
}

// CookieSessions reads cookie-session. Nothing ends such a session but a change
// of the keys; see the package. Safe for concurrent use.
type CookieSessions struct {
	keys [][]byte
	name string
	who  who
}

// NewCookie makes a reader. An error says which setting is wrong.
func NewCookie(config CookieConfig) (*CookieSessions, error) {
	keys, err := secrets(config.Keys, "a key of cookie-session")
	if err != nil {
		return nil, err
	}
	who, err := newWho(config.Identity, "_ctx", "isChanged", "isNew", "isPopulated")
	if err != nil {
		return nil, err
	}
	s := &CookieSessions{keys: keys, name: config.CookieName, who: who}
	if s.name == "" {
		s.name = "session"
	}
	return s, nil
}

// Names are the session's cookie and that of its signature.
func (s *CookieSessions) Names() []string { return []string{s.name, s.name + ".sig"} }

// Cookie answers both cookies' values, the signature first.
func (s *CookieSessions) Cookie(header http.Header) (value string, known session.Outcome, ok bool) {
	data, twice := first(header, s.name)
	signature, other := first(header, s.name+".sig")
	switch {
	case twice || other:
		return "", session.Unknown(session.AmbiguousCookie, nil), false
	case data == "" || signature == "":
		return "", session.Nobody(session.NoCookie), false
	}
	return signature + ";" + data, session.Outcome{}, true
}

// first answers the value of a cookie as the cookies package finds it (0.9's get):
// the first "name=" after blanks, up to the semicolon, without its first and last
// character when the first is a quote. twice says that there is one that differs.
func first(header http.Header, name string) (value string, twice bool) {
	found := false
	for _, line := range header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, text, _ := strings.Cut(pair, "=")
			if strings.TrimLeft(key, " ") != name || len(key) == len(pair) {
				continue
			}
			if text != "" && text[0] == '"' {
				text = text[1:max(1, len(text)-1)]
			}
			if found && text != value {
				return "", true
			}
			value, found = text, true
		}
	}
	return value, false
}

// Irrevocable implements session.Irrevocable.
func (*CookieSessions) Irrevocable() string {
	return "the cookie is the session, and has no end: neither a logout nor a new password is seen; only other keys end it"
}

var errBase64 = errors.New("session data that is no base64")

// Open says whose session the cookies' values are; see [CookieSessions.Cookie].
// It asks nobody.
func (s *CookieSessions) Open(ctx context.Context, value string) session.Outcome {
	if len(value) > maxCookie {
		return session.Unknown(session.Unsupported, errTooLarge)
	}
	if err := ctx.Err(); err != nil {
		return session.Unknown(session.TimedOut, err)
	}
	signature, data, _ := strings.Cut(value, ";")
	if !s.signed(data, signature) {
		return session.Nobody(session.BadSignature)
	}
	session.Step(ctx, "one of the keys signed the cookie")
	text, err := base64.StdEncoding.Strict().DecodeString(data)
	if err != nil {
		return session.Unknown(session.Undecodable, errBase64)
	}
	found, err := decode(text)
	if err != nil {
		return session.Unknown(session.Undecodable, err)
	}
	return s.who.find(found, time.Time{})
}

// signed says whether a key signed the cookie: base64url(HMAC-SHA1(key, name "="
// value)) without "=" (keygrip/index.js). It compares text, so that only one
// spelling passes.
func (s *CookieSessions) signed(data, signature string) bool {
	text := []byte(fromLatin1(s.name + "=" + data))
	var sum [sha1.Size]byte
	var right [27]byte // of 20 bytes in base64
	for _, key := range s.keys {
		mac := hmac.New(sha1.New, key)
		mac.Write(text)
		base64.RawURLEncoding.Encode(right[:], mac.Sum(sum[:0]))
		if subtle.ConstantTimeCompare(right[:], []byte(signature)) == 1 {
			return true
		}
	}
	return false
}
