package token_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/identity/token"
)

func TestTokensAreVerifiedByOthers(t *testing.T) {
	t.Parallel()
	for _, algorithm := range token.Algorithms {
		i := newIssuer(t, algorithm)
		for _, options := range []token.ServiceOptions{{}, {Type: token.AccessToken, ClientID: "strangler"}} {
			text := i.mint(options)
			for _, v := range verifiers {
				if err := v.verify(i.url, audience, text); err != nil {
					t.Errorf("%s, %s: %v", v.name, algorithm, err)
				}
			}
		}
	}
}

// The token says what it should, and nothing else.
func TestClaimsAreWhatWasAsked(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, token.ES256)
	subject := anna()
	service := i.service(token.ServiceOptions{
		Type: token.AccessToken, ClientID: "strangler",
		Claims: map[string]token.Claim{
			"username": {Attribute: "username"}, "groups": {Attribute: "groups"}, "real\"name": {Attribute: "name"},
			"scope": {Value: "read"}, "plan": {Attribute: "plan"}, "tier": {Attribute: "tier", Value: 3},
		},
	})
	now := time.Now()
	minted, err := i.minter.Token(service, prepare(t, subject), now)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.Parse(minted.Text(), jwksKey(i.url))
	if err != nil {
		t.Fatal(err)
	}
	key, err := i.ring.Signing(now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": key.ID()}, parsed.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	claims := parsed.Claims.(jwt.MapClaims)
	id, _ := claims["jti"].(string)
	if len(id) != 22 {
		t.Errorf("jti %q", id)
	}
	delete(claims, "jti")
	want := jwt.MapClaims{
		"iss": i.url, "sub": "42", "aud": audience, "client_id": "strangler",
		"iat": float64(now.Unix() - 10), "nbf": float64(now.Unix() - 10), "exp": float64(now.Unix() + 60),
		"sid": subject.Session.String(), "auth_time": float64(subject.AuthTime.Unix()),
		"amr": []any{"pwd", "otp"}, "acr": "silver", "act": map[string]any{"sub": "7"},
		"username": subject.Attributes["username"], "groups": []any{"desk", "night"}, "real\"name": subject.Attributes["name"],
		"scope": "read", "tier": 3.0,
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if minted.Authorization() != "Bearer "+minted.Text() || minted.Expires().Unix() != now.Unix()+60 {
		t.Error(minted.Expires())
	}
}

func TestOpenEDXTokenHasWhatItsServicesWant(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, token.RS512)
	service := i.service(token.ServiceOptions{Profile: token.OpenEDX, Claims: map[string]token.Claim{"name": {Attribute: "email"}}})
	minted, err := i.minter.Token(service, prepare(t, anna()), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(minted.Authorization(), "JWT ey") {
		t.Error("the scheme is not JWT")
	}
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(minted.Text(), claims, jwksKey(i.url), jwt.WithValidMethods([]string{"RS512"})); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "auth_time", "amr", "acr", "act"} {
		delete(claims, name)
	}
	want := jwt.MapClaims{
		"preferred_username": anna().Attributes["username"], "user_id": 42.0, "email": "anna@example.com", "name": "anna@example.com",
		"administrator": false, "superuser": false, "email_verified": false, "is_restricted": false,
		"version": "1.2.0", "scopes": []any{"user_id", "email", "profile"}, "filters": []any{}, "grant_type": "password",
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestTokensAreVerifiedByPyJWT(t *testing.T) {
	t.Parallel()
	for _, algorithm := range token.Algorithms {
		i := newIssuer(t, algorithm)
		tokens := []string{i.mint(token.ServiceOptions{}), i.mint(token.ServiceOptions{Audience: "other"}), i.mint(token.ServiceOptions{})[1:]}
		got := ask(t, pyJWT(t), i.url, tokens)
		if got[0] != "42" || got[1] != "InvalidAudienceError" || got[2] != "DecodeError" {
			t.Errorf("%s: %q", algorithm, got)
		}
	}
}

// With JOSE=DIR, after npm install --prefix DIR jose.
func TestTokensAreVerifiedByJose(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("JOSE")
	if dir == "" {
		t.Skip("JOSE is not set: it is the folder that jose was installed in by npm install --prefix")
	}
	for _, algorithm := range token.Algorithms {
		i := newIssuer(t, algorithm)
		tokens := []string{i.mint(token.ServiceOptions{}), i.mint(token.ServiceOptions{Audience: "other"}), i.mint(token.ServiceOptions{})[1:]}
		got := ask(t, exec.CommandContext(t.Context(), "node", "testdata/verify.mjs", dir), i.url, tokens)
		if got[0] != "42" || got[1] != "ERR_JWT_CLAIM_VALIDATION_FAILED" || !strings.HasPrefix(got[2], "ERR_") {
			t.Errorf("%s: %q", algorithm, got)
		}
	}
}

// pyJWT is a verifier in Python, if it is installed.
func pyJWT(tb testing.TB) *exec.Cmd {
	tb.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(tb.Context(), python, "-c", "import jwt, cryptography").Run() == nil {
			return exec.CommandContext(tb.Context(), python, "testdata/verify.py")
		}
	}
	const missing = "no Python with PyJWT and cryptography: apt-get install python3-jwt python3-cryptography"
	if os.Getenv("CI") == "true" {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return nil
}

// ask runs a verifier. Of each token it answers the sub, or the name of the
// error.
func ask(tb testing.TB, command *exec.Cmd, iss string, tokens []string) []string {
	tb.Helper()
	question, err := json.Marshal(map[string]any{"issuer": iss, "keys": iss + token.KeysPath, "audience": audience, "tokens": tokens})
	if err != nil {
		tb.Fatal(err)
	}
	command.Stdin = strings.NewReader(string(question))
	content, err := command.Output()
	if err != nil {
		tb.Fatal(err, fmt.Sprint(command.Stderr))
	}
	var answers []string
	if err := json.Unmarshal(content, &answers); err != nil || len(answers) != len(tokens) {
		tb.Fatalf("%s: %v", content, err)
	}
	return answers
}
