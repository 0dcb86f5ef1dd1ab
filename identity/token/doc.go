// Package token mints the short-lived JWTs that services trust instead of the
// monolith's session.
package token
