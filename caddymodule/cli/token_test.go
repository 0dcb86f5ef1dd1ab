package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/strangler-proxy/strangler/identity/token"
)

// verify holds a token to a ring's published keys.
func verify(ring *token.Ring, text, issuer string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		for _, key := range ring.Set().Public(time.Now()) {
			if key.ID() == t.Header["kid"] {
				return key.Public(), nil
			}
		}
		return nil, token.ErrNoKey
	}, jwt.WithAudience("faq"), jwt.WithIssuer(issuer), jwt.WithExpirationRequired())
	return claims, err
}

func TestDevelopmentTokensAreRefusedByAServersKeys(t *testing.T) {
	t.Parallel()
	open := func(issuer, file string) *token.Ring {
		ring, err := token.NewRing(token.Options{Issuer: issuer, Store: keyFile{file}})
		if err == nil {
			err = ring.Refresh(t.Context(), time.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
		return ring
	}
	const server, here = "https://www.example.com", "http://localhost/dev"
	file := filepath.Join(t.TempDir(), "dev.json")
	production, development := open(server, filepath.Join(t.TempDir(), "production.json")), open(here, file)
	f := mintFlags{service: "faq", user: "42", ttl: token.MaxLifetime, claims: []string{"staff=true", "name=Anna Ok"}}
	minted, err := f.mint(development, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := verify(open(here, file), minted.Text(), here) // another process
	if err != nil || claims["sub"] != "42" || claims["staff"] != true || claims["name"] != "Anna Ok" {
		t.Errorf("%v %v", claims, err)
	}
	if _, err := verify(production, minted.Text(), here); err == nil {
		t.Error("a server's keys verify it")
	}
	if _, err := verify(development, minted.Text(), server); err == nil {
		t.Error("it is the server's issuer")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestKeyFilesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"readable by all": {`{"kind":"strangler development keys","issuer":"http://localhost/dev","version":1,"keys":{}}`, 0o644},
		"a store":         {"SQLite format 3\x00", 0o600},
		"a bare key set":  {`{"format":1,"keys":[]}`, 0o600},
		"another issuer":  {`{"kind":"strangler development keys","issuer":"https://www.example.com/dev","version":1,"keys":{}}`, 0o600},
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := (keyFile{file}).KeySet(t.Context(), "http://localhost/dev"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
