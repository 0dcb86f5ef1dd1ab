package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// forgedTokens are refused by who verifies them, and do not even get there.
func (a *attacked) forgedTokens(t *testing.T, _, _ *person) {
	t.Helper()
	response, keys := a.send(t, http.MethodGet, "/.well-known/jwks.json", http.Header{})
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(keys), &set); err != nil || response.StatusCode != http.StatusOK || len(set.Keys) == 0 {
		t.Fatalf("%s: %v", keys, err)
	}
	public, err := set.Keys[0].MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	for audience, service := range map[string]string{"desk": a.service.URL + "/me", "rest": a.rest.URL("/rest/me")} {
		claims, err := json.Marshal(map[string]any{"iss": a.proxy.URL(""), "sub": "1", "aud": audience, "iat": now - 10, "nbf": now - 10, "exp": now + 50})
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		kid := set.Keys[0].KeyID
		for kind, token := range map[string]string{
			"none":          encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(claims) + ".",
			"None":          encode([]byte(`{"alg":"None","kid":"`+kid+`"}`)) + "." + encode(claims) + ".",
			"HS256":         sign(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: kid}, claims, false),
			"foreign":       sign(t, jose.ES256, jose.JSONWebKey{Key: foreign, KeyID: "foreign"}, claims, false),
			"foreign, ours": sign(t, jose.ES256, jose.JSONWebKey{Key: foreign, KeyID: kid}, claims, false),
			"embedded":      sign(t, jose.ES256, jose.JSONWebKey{Key: foreign}, claims, true),
		} {
			header := http.Header{"Authorization": {"Bearer " + token}}
			if status := direct(t, service, header); status != http.StatusForbidden && status != http.StatusUnauthorized {
				t.Errorf("%s %s: the service says %d", audience, kind, status)
			}
			if got := a.mirrored(t, "/open/nobody", header); got == nil || got["Authorization"] != nil {
				t.Errorf("%s %s: the service got %v", audience, kind, got)
			}
		}
	}
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key jose.JSONWebKey, claims []byte, embed bool) string {
	t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: embed}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// direct asks a service without the proxy.
func direct(t *testing.T, address string, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// token is one that the mirror got.
func (a *attacked) token(t *testing.T, p *person) string {
	t.Helper()
	text, ok := strings.CutPrefix(a.mirrored(t, "/open/x", http.Header{"Cookie": {p.cookies()}}).Get("Authorization"), "Bearer ")
	if !ok {
		t.Fatal("there is no token")
	}
	return text
}

func (a *attacked) otherAudience(t *testing.T, alice, _ *person) {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + a.token(t, alice)}}
	for _, service := range []string{a.service.URL + "/me", a.rest.URL("/rest/me")} {
		if status := direct(t, service, header); status != http.StatusForbidden && status != http.StatusUnauthorized {
			t.Errorf("%s: %d", service, status)
		}
	}
}
