// Package identity knows who a request is from.
package identity

import "net/http"

// VisitorCookie is the name of our first-party ID cookie.
const VisitorCookie = "strangler_visitor"

// Visitors reads and makes signed first-party ID cookies. Safe for concurrent use.
type Visitors struct{}

// NewVisitors takes the key that signs the cookies: 16 bytes or more.
func NewVisitors(key []byte) *Visitors { return &Visitors{} }

// Read answers the visitor's ID, when the request carries one that we signed.
func (v *Visitors) Read(r *http.Request) (id string, ok bool) { return "", false }

// Mint makes a new ID and the cookie value that carries it.
func (v *Visitors) Mint() (id, value string) { return "", "" }

// Cookie is the cookie that carries value; secure when the client's connection is https.
func (v *Visitors) Cookie(value string, secure bool) *http.Cookie { return &http.Cookie{} }
