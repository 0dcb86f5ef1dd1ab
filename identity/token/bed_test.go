package token_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

const audience = "faq"

// issuer is a ring with its store and its HTTP endpoints.
type issuer struct {
	t      testing.TB
	ring   *token.Ring
	minter *token.Minter
	url    string
}

func openStore(tb testing.TB) *sqlite.Store {
	tb.Helper()
	store, err := sqlite.Open(filepath.Join(tb.TempDir(), "strangler.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}

// newIssuer starts an issuer in real time, since verifiers live there.
func newIssuer(tb testing.TB, algorithm token.Algorithm) *issuer {
	tb.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	ring, err := token.NewRing(token.Options{Issuer: server.URL, Policy: token.Policy{Algorithm: algorithm}, Store: openStore(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	if err := ring.Refresh(tb.Context(), time.Now()); err != nil {
		tb.Fatal(err)
	}
	mux.Handle(token.KeysPath, ring.Keys(time.Now))
	mux.Handle(token.MetadataPath, ring.Metadata(server.URL+token.KeysPath, time.Now))
	return &issuer{t: tb, ring: ring, minter: token.NewMinter(ring), url: server.URL}
}

func (i *issuer) service(o token.ServiceOptions) *token.Service {
	i.t.Helper()
	if o.Audience == "" {
		o.Audience = audience
	}
	s, err := i.ring.Service(o)
	if err != nil {
		i.t.Fatal(err)
	}
	return s
}

// mint mints a token for anna.
func (i *issuer) mint(o token.ServiceOptions) string {
	i.t.Helper()
	minted, err := i.minter.Token(i.service(o), prepare(i.t, anna()), time.Now())
	if err != nil {
		i.t.Fatal(err)
	}
	return minted.Text()
}

var secret = []byte("0123456789abcdef")

// anna is a subject with everything, and with what breaks templates.
func anna() token.Subject {
	return token.Subject{
		ID:       "42",
		Session:  token.NewSessionID(secret, "the session of anna"),
		AuthTime: time.Now().Add(-time.Hour),
		Methods:  []string{"pwd", "otp"},
		Class:    "silver",
		Actor:    "7",
		Attributes: map[string]any{
			"username": `anna","superuser":true,"x":"`, "user_id": 42, "email": "anna@example.com", "name": "Änna \"</script>\u2028\x00😀",
			"is_staff": false, "is_superuser": false, "groups": []string{"desk", "night"},
		},
	}
}

func prepare(tb testing.TB, s token.Subject) *token.Prepared {
	tb.Helper()
	p := new(token.Prepared)
	if err := s.Prepare(p); err != nil {
		tb.Fatal(err)
	}
	return p
}

// verifier says whether it takes a token of that issuer for that audience; nil:
// it does.
type verifier struct {
	name   string
	verify func(issuer, audience, text string) error
}

var algorithmNames = []string{"ES256", "EdDSA", "RS256", "RS512"}

// verifyJWT is golang-jwt with the keys of the JWKS, as a service would use it.
func verifyJWT(iss, aud, text string) error {
	_, err := jwt.Parse(text, jwksKey(iss), jwt.WithValidMethods(algorithmNames), jwt.WithIssuer(iss), jwt.WithAudience(aud),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	return err
}

// jwksKey finds keys as go-jose reads them.
func jwksKey(iss string) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		answer, err := http.Get(iss + token.KeysPath)
		if err != nil {
			return nil, err
		}
		defer func() { _ = answer.Body.Close() }()
		var keys jose.JSONWebKeySet
		if err := json.NewDecoder(answer.Body).Decode(&keys); err != nil {
			return nil, err
		}
		for _, key := range keys.Key(t.Header["kid"].(string)) {
			return key.Key, nil
		}
		return nil, jwt.ErrTokenUnverifiable
	}
}

// verifyOIDC is go-oidc, which finds everything by the issuer's URL.
func verifyOIDC(iss, aud, text string) error {
	provider, err := oidc.NewProvider(context.Background(), iss)
	if err != nil {
		return err
	}
	_, err = provider.Verifier(&oidc.Config{ClientID: aud}).Verify(context.Background(), text)
	return err
}

var verifiers = []verifier{{"golang-jwt", verifyJWT}, {"go-oidc", verifyOIDC}}
