package identity

import (
	"crypto/subtle"
	"encoding/binary"
	"net/http"
	"strings"
	"time"
)

// CarryCookie is the name of the cookie that keeps who signs in on the side where
// they were as a visitor, for CarryFor: nobody changes sides in the middle of what
// they are doing. It holds when that ends, 8 bytes of Unix seconds, and the first
// 128 bits of HMAC-SHA256(key, "strangler-login-1\x00" + the visitor's ID + the
// time), both in unpadded base64url: 1.TTTTTTTTTTT.SSSSSSSSSSSSSSSSSSSSSS. It
// counts only with the visitor cookie that it was made for.
const CarryCookie = "strangler_login"

// CarryFor is how long after signing in a visitor's side counts.
const CarryFor = 30 * time.Minute

const (
	carryTime = 11 // 8 bytes in base64
	carryLen  = len(visitorPrefix) + carryTime + 1 + visitorText
)

var carryDomain = []byte("strangler-login-1\x00")

// Carry answers until when the visitor's side counts. there is false when the
// request has no such cookie of ours for this visitor.
func (v *Visitors) Carry(r *http.Request, id string) (until time.Time, there bool) {
	until, signature, there := carried(r)
	if !there {
		return time.Time{}, false
	}
	s := v.signers.Get().(*signer)
	defer v.signers.Put(s)
	if !decode(&s.id, id) || !decode(&s.want, signature) ||
		subtle.ConstantTimeCompare(s.signCarry(until), s.want[:]) != 1 {
		return time.Time{}, false
	}
	return until, true
}

// ClaimedCarry is what a request says of it. Nobody has looked at the signature:
// it is for statistics.
func ClaimedCarry(r *http.Request) (until time.Time, there bool) {
	until, _, there = carried(r)
	return until, there
}

// HasCarry reports whether the request has a cookie of that name at all.
func HasCarry(r *http.Request) bool {
	_, ok := onlyCookie(r.Header["Cookie"], CarryCookie)
	return ok
}

func carried(r *http.Request) (until time.Time, signature string, there bool) {
	value, ok := onlyCookie(r.Header["Cookie"], CarryCookie)
	if !ok || len(value) != carryLen || !strings.HasPrefix(value, visitorPrefix) {
		return time.Time{}, "", false
	}
	text, signature, ok := strings.Cut(value[len(visitorPrefix):], ".")
	var seconds [8]byte
	if !ok || len(text) != carryTime || strings.ContainsAny(text, "\r\n") {
		return time.Time{}, "", false
	}
	if _, err := visitorEncoding.Decode(seconds[:], []byte(text)); err != nil {
		return time.Time{}, "", false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(seconds[:])), 0), signature, true //#nosec G115 -- a wrong time has no signature
}

// NewCarry is the value of a carry cookie.
func (v *Visitors) NewCarry(id string, until time.Time) string {
	s := v.signers.Get().(*signer)
	defer v.signers.Put(s)
	if !decode(&s.id, id) {
		return ""
	}
	var seconds [8]byte
	binary.BigEndian.PutUint64(seconds[:], uint64(until.Unix())) //#nosec G115 -- after 1970
	return visitorPrefix + visitorEncoding.EncodeToString(seconds[:]) + "." + visitorEncoding.EncodeToString(s.signCarry(until))
}

// CarryCookie is the cookie with that value, which lasts as long as the visitor
// cookie: that the time is over must not be forgotten. Without a value it takes
// the cookie away.
func (v *Visitors) CarryCookie(value string, secure bool) *http.Cookie {
	cookie := v.Cookie(value, secure) // #nosec G124 -- it is like the visitor cookie
	if cookie.Name = CarryCookie; value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

// signCarry answers the signature of s.id with a time; it is good until the next call.
func (s *signer) signCarry(until time.Time) []byte {
	binary.BigEndian.PutUint64(s.time[:], uint64(until.Unix())) //#nosec G115 -- after 1970, or without a signature
	s.mac.Reset()
	s.mac.Write(carryDomain)
	s.mac.Write(s.id[:])
	s.mac.Write(s.time[:])
	return s.mac.Sum(s.sum[:0])[:visitorBytes]
}
