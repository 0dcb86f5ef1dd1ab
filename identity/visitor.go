// Package identity knows who a request is from.
//
// [Resolver] says it by the monolith's session, from memory within a bound; its
// [Person] is what tokens are minted from.
//
// [Visitors] is our own first-party ID cookie, which rollouts are sticky by
// when nobody is signed in. It promises that a client cannot choose its ID, and
// with it its arm: an ID counts only with our signature.
//
// # The cookie
//
// Name strangler_visitor, value, 47 bytes:
//
//	1.IIIIIIIIIIIIIIIIIIIIII.SSSSSSSSSSSSSSSSSSSSSS
//
// 1 is the version of the format. I is the ID: 128 random bits. S is the
// signature: the first 128 bits of HMAC-SHA256(key, "strangler-visitor-1\x00" +
// the ID's 16 bytes). Both are in unpadded base64url (RFC 4648, section 5), of
// which only the one spelling with zero trailing bits counts. The ID is public:
// it appears as a sticky key and opens nothing.
package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
)

// VisitorCookie is the name of our first-party ID cookie.
const VisitorCookie = "strangler_visitor"

const (
	visitorPrefix = "1."
	visitorBytes  = 16                                     // of an ID, and of a signature
	visitorText   = 22                                     // 16 bytes in base64
	visitorLen    = len(visitorPrefix) + 2*visitorText + 1 // of the whole value
	visitorMaxAge = 365 * 24 * 3600                        // seconds
	minVisitorKey = 16
)

// visitorDomain keeps these signatures apart from whatever else a key may sign.
var visitorDomain = []byte("strangler-visitor-1\x00")

// visitorEncoding accepts one spelling of each value.
var visitorEncoding = base64.RawURLEncoding.Strict()

// Visitors reads and makes signed first-party ID cookies. Safe for concurrent
// use.
type Visitors struct {
	signers sync.Pool // of *signer
}

// signer is an HMAC with room for what goes in and out of it, so that a
// request allocates none of them.
type signer struct {
	mac      hash.Hash
	id, want [visitorBytes]byte
	time     [8]byte
	sum      [sha256.Size]byte
}

// NewVisitors takes the key that signs the cookies. With another key all
// visitors are new ones, so it must outlive the process; 32 random bytes are
// right. It panics when the key has fewer than 16: such a key signs nothing.
func NewVisitors(key []byte) *Visitors {
	if len(key) < minVisitorKey {
		panic("identity: a visitor key needs 16 bytes or more")
	}
	key = append([]byte(nil), key...)
	return &Visitors{signers: sync.Pool{New: func() any {
		return &signer{mac: hmac.New(sha256.New, key)}
	}}}
}

// Read answers the visitor's ID, when the request carries one that we signed.
// A cookie that is there twice with different values counts as none: one of
// the two was put there by someone else, and it is not known which.
func (v *Visitors) Read(r *http.Request) (id string, ok bool) {
	id, signature, ok := claimed(r)
	if !ok || !v.signed(id, signature) {
		return "", false
	}
	return id, true
}

// Claimed is the ID that a request says is its visitor's. Nobody has looked at
// the signature, which costs more than all else: it is for statistics.
func Claimed(r *http.Request) (id string, ok bool) {
	id, _, ok = claimed(r)
	return id, ok
}

// claimed takes a visitor cookie apart.
func claimed(r *http.Request) (id, signature string, ok bool) {
	value, ok := onlyCookie(r.Header["Cookie"], VisitorCookie)
	if !ok || len(value) != visitorLen || !strings.HasPrefix(value, visitorPrefix) {
		return "", "", false
	}
	id, signature, ok = strings.Cut(value[len(visitorPrefix):], ".")
	return id, signature, ok && len(id) == visitorText
}

// Mint makes a new ID and the cookie value that carries it.
func (v *Visitors) Mint() (id, value string) {
	s := v.signers.Get().(*signer)
	defer v.signers.Put(s)
	_, _ = rand.Read(s.id[:]) // never fails, see crypto/rand
	id = visitorEncoding.EncodeToString(s.id[:])
	return id, visitorPrefix + id + "." + visitorEncoding.EncodeToString(s.sign())
}

// Cookie is the cookie that carries value for a year; secure when the client's
// connection is https. It is Lax, not Strict: who follows a link to the site
// is the same visitor.
func (v *Visitors) Cookie(value string, secure bool) *http.Cookie {
	return &http.Cookie{ // #nosec G124 -- Secure follows the client's connection: over plain http such a cookie would be dropped
		Name:     VisitorCookie,
		Value:    value,
		Path:     "/",
		MaxAge:   visitorMaxAge,
		Secure:   secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}

// signed says whether signature is ours for id; both are 22 bytes of text.
func (v *Visitors) signed(id, signature string) bool {
	s := v.signers.Get().(*signer)
	defer v.signers.Put(s)
	return decode(&s.id, id) && decode(&s.want, signature) &&
		subtle.ConstantTimeCompare(s.sign(), s.want[:]) == 1
}

// sign answers the signature of s.id; it is good until the next call.
func (s *signer) sign() []byte {
	s.mac.Reset()
	s.mac.Write(visitorDomain)
	s.mac.Write(s.id[:])
	return s.mac.Sum(s.sum[:0])[:visitorBytes]
}

// decode reads 16 bytes from 22 of text.
func decode(into *[visitorBytes]byte, text string) bool {
	if len(text) != visitorText || strings.ContainsAny(text, "\r\n") {
		return false // base64 skips line ends; ours has none
	}
	n, err := visitorEncoding.Decode(into[:], []byte(text))
	return err == nil && n == visitorBytes
}

// onlyCookie answers the value of the named cookie in the Cookie header's
// lines, unless there are several with different values. It splits as net/http
// does, and takes a value as it stands: what is quoted is not ours.
func onlyCookie(lines []string, name string) (value string, ok bool) {
	for _, line := range lines {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, val, _ := strings.Cut(textproto.TrimString(pair), "=")
			if textproto.TrimString(key) != name {
				continue
			}
			if ok && val != value {
				return "", false
			}
			value, ok = val, true
		}
	}
	return value, ok
}
