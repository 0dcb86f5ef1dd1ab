package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// KeysPath and MetadataPath are where verifiers look below the issuer's URL:
// the first is ours to choose, the second OpenID Connect Discovery 1.0's
// (section 4).
const (
	KeysPath     = "/.well-known/jwks.json"
	MetadataPath = "/.well-known/openid-configuration"
)

// Keys serves the ring's public keys as a JWK set (RFC 7517, section 5), the one
// that signs first. Before the ring has keys it answers 503, which nobody keeps.
func (r *Ring) Keys(now func() time.Time) http.Handler {
	return r.serve(now, func(keys []Scheduled, now time.Time) any {
		// PyJWT before 2.4 and others take the first key when a token names none.
		slices.SortStableFunc(keys, func(a, b Scheduled) int { return order(a, now) - order(b, now) })
		set := make([]json.RawMessage, len(keys))
		for i := range keys {
			set[i] = keys[i].JWK()
		}
		return struct {
			Keys []json.RawMessage `json:"keys"`
		}{set}
	})
}

func order(k Scheduled, now time.Time) int {
	return slices.Index([]Phase{Signing, Published, Retired}, k.Phase(now))
}

// metadata is what a verifier needs of OpenID Connect Discovery 1.0, section 3,
// and RFC 8414, section 2. There is nowhere to log in: no other endpoint.
type metadata struct {
	Issuer        string      `json:"issuer"`
	KeysURL       string      `json:"jwks_uri"`
	Algorithms    []Algorithm `json:"id_token_signing_alg_values_supported"`
	SubjectTypes  []string    `json:"subject_types_supported"`
	ResponseTypes []string    `json:"response_types_supported"`
}

// Metadata serves the issuer's OpenID configuration, with keysURL as the place
// of its keys.
func (r *Ring) Metadata(keysURL string, now func() time.Time) http.Handler {
	// All algorithms, for some verifiers (go-oidc) never ask again: keys may change
	// theirs.
	m := metadata{Issuer: r.Issuer(), KeysURL: keysURL, Algorithms: Algorithms, SubjectTypes: []string{"public"}, ResponseTypes: []string{"none"}}
	return r.serve(now, func([]Scheduled, time.Time) any {
		return m
	})
}

// serve answers GET and HEAD with a document about the public keys, which any
// cache may keep for MaxAge and ask for again by its ETag.
func (r *Ring) serve(now func() time.Time, document func([]Scheduled, time.Time) any) http.Handler {
	fresh := fmt.Sprintf("public, max-age=%d", int(MaxAge.Seconds()))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		at := now()
		keys := r.Set().Public(at)
		content, err := json.Marshal(document(keys, at))
		if err != nil || len(keys) == 0 {
			header.Set("Cache-Control", "no-store")
			header.Set("Retry-After", "10")
			http.Error(w, "the keys are not known yet", http.StatusServiceUnavailable)
			return
		}
		digest := sha256.Sum256(content)
		header.Set("Content-Type", "application/json")
		header.Set("Cache-Control", fresh)
		header.Set("ETag", `"`+hex.EncodeToString(digest[:16])+`"`)
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(content))
	})
}
