package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/strangler-proxy/strangler/identity/token"
)

// part is one of the three parts of a token.
func part(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(content)
}

type object = map[string]any

// forgeries are tokens that no verifier of the issuer may take, by the class of
// the attack.
func forgeries(t *testing.T, mine, foreign *issuer) map[string]string {
	t.Helper()
	now := time.Now()
	good := mine.mint(token.ServiceOptions{})
	parts := strings.Split(good, ".")
	key, err := mine.ring.Signing(now)
	if err != nil {
		t.Fatal(err)
	}
	foreignKey, err := foreign.ring.Signing(now)
	if err != nil {
		t.Fatal(err)
	}
	claims := object{"iss": mine.url, "aud": audience, "sub": "1", "jti": "x", "iat": now.Unix() - 10, "nbf": now.Unix() - 10, "exp": now.Unix() + 60}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	confused := func(secret []byte) string {
		input := part(object{"alg": "HS256", "typ": "JWT", "kid": key.ID()}) + "." + part(claims)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	at := func(when time.Time) string {
		minted, err := mine.service(token.ServiceOptions{}).Mint(key, prepare(t, anna()), when)
		if err != nil {
			t.Fatal(err)
		}
		return minted.Text()
	}
	theirs := strings.Split(foreign.mint(token.ServiceOptions{}), ".")
	return map[string]string{
		"alg none":                           part(object{"alg": "none", "typ": "JWT", "kid": key.ID()}) + "." + part(claims) + ".",
		"alg nOnE, signature kept":           part(object{"alg": "nOnE", "typ": "JWT", "kid": key.ID()}) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key in PEM":   confused(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"HS256 with the public key in DER":   confused(der),
		"HS256 with the JWK":                 confused(key.JWK()),
		"signature left out":                 parts[0] + "." + parts[1] + ".",
		"claims changed":                     parts[0] + "." + part(claims) + "." + parts[2],
		"key of another issuer":              strings.Join(theirs, "."),
		"key of another issuer under our ID": part(object{"alg": key.Algorithm(), "typ": "JWT", "kid": key.ID()}) + "." + part(claims) + "." + theirs[2],
		"foreign kid":                        part(object{"alg": key.Algorithm(), "typ": "JWT", "kid": foreignKey.ID()}) + "." + parts[1] + "." + parts[2],
		"kid with a path":                    part(object{"alg": "HS256", "typ": "JWT", "kid": "../../../../dev/null"}) + "." + parts[1] + "." + parts[2],
		"key in the header":                  part(object{"alg": key.Algorithm(), "typ": "JWT", "jwk": foreignKey.JWK(), "kid": foreignKey.ID()}) + "." + parts[1] + "." + theirs[2],
		"another audience":                   mine.mint(token.ServiceOptions{Audience: "tickets"}),
		"an audience that begins like it":    mine.mint(token.ServiceOptions{Audience: audience + "x"}),
		"expired":                            at(now.Add(-2 * token.MaxLifetime)),
		"not valid yet":                      at(now.Add(10 * time.Minute)),
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	mine, foreign := newIssuer(t, token.RS256), newIssuer(t, token.RS256)
	forged := forgeries(t, mine, foreign)
	for _, v := range verifiers {
		if err := v.verify(mine.url, audience, mine.mint(token.ServiceOptions{})); err != nil {
			t.Fatalf("%s refuses everything: %v", v.name, err)
		}
		for attack, text := range forged {
			if err := v.verify(mine.url, audience, text); err == nil {
				t.Errorf("%s takes %s", v.name, attack)
			}
		}
	}
	others := map[string]*exec.Cmd{"PyJWT": pyJWT(t)}
	if dir := os.Getenv("JOSE"); dir != "" {
		others["jose"] = exec.CommandContext(t.Context(), "node", "testdata/verify.mjs", dir)
	}
	attacks, tokens := make([]string, 1, len(forged)+1), make([]string, 1, len(forged)+1)
	tokens[0] = mine.mint(token.ServiceOptions{})
	for attack, text := range forged {
		attacks, tokens = append(attacks, attack), append(tokens, text)
	}
	for name, command := range others {
		for i, answer := range ask(t, command, mine.url, tokens) {
			if taken := !strings.Contains(answer, "Err") && !strings.Contains(answer, "ERR_"); taken != (i == 0) {
				t.Errorf("%s answers %s to the attack %s", name, answer, attacks[i])
			}
		}
	}
}

// A verifier that reads names in any case must not find a second sub.
func TestNoTextOfAUserBecomesAClaim(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, token.EdDSA)
	service := i.service(token.ServiceOptions{Claims: map[string]token.Claim{"name": {Attribute: "name"}, "more": {Attribute: "more"}}})
	for _, evil := range []string{
		`","sub":"1`, `"}`, `\",\"sub\":\"1`, "\\", "\"", "\u2028", "\x00", "\xff\xfe", `{"sub":"1"}`, "é\n\r\t", strings.Repeat("\\\"", 99),
	} {
		subject := anna()
		subject.Attributes = map[string]any{"name": evil, "more": map[string]any{evil: []string{evil}}, evil: evil}
		minted, err := i.minter.Token(service, prepare(t, subject), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		claims := jwt.MapClaims{}
		if _, err := jwt.ParseWithClaims(minted.Text(), claims, jwksKey(i.url)); err != nil {
			t.Fatalf("%q: %v", evil, err)
		}
		if claims["sub"] != "42" || claims["name"] != strings.ToValidUTF8(evil, "\ufffd\ufffd") && claims["name"] != evil || len(claims) != 14 {
			t.Errorf("%q: %v", evil, claims)
		}
	}
}
