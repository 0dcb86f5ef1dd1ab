package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	content, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// The keys and thumbprints are those of the RFCs.
func TestIDIsTheThumbprintOfRFC7638(t *testing.T) {
	t.Parallel()
	n := "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	rfc7638, err := newKey(RS256, &rsa.PublicKey{N: new(big.Int).SetBytes(decode64(t, n)), E: 65537}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rfc8037, err := newKey(EdDSA, ed25519.PublicKey(decode64(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[*Key]string{
		rfc7638: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		rfc8037: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		if key.ID() != want {
			t.Errorf("%s: %s, want %s", key.Algorithm(), key.ID(), want)
		}
	}
}

// go-jose reads each JWK, finds it public and sound, and computes the same
// thumbprint.
func TestJWKIsPublicAndReadByOthers(t *testing.T) {
	t.Parallel()
	for _, algorithm := range Algorithms {
		key := newTestKey(t, algorithm)
		var jwk jose.JSONWebKey
		if err := jwk.UnmarshalJSON(key.JWK()); err != nil {
			t.Fatal(err)
		}
		thumbprint, err := jwk.Thumbprint(crypto256)
		if err != nil || base64.RawURLEncoding.EncodeToString(thumbprint) != key.ID() {
			t.Errorf("%s: thumbprint %x, %v", algorithm, thumbprint, err)
		}
		if !jwk.Valid() || !jwk.IsPublic() || jwk.KeyID != key.ID() || jwk.Algorithm != string(algorithm) || jwk.Use != "sig" {
			t.Errorf("%s: %s", algorithm, key.JWK())
		}
		var members map[string]any
		if err := json.Unmarshal(key.JWK(), &members); err != nil {
			t.Fatal(err)
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518, section 6
			if _, there := members[private]; there {
				t.Errorf("%s: the JWK has the private member %s", algorithm, private)
			}
		}
	}
}

func newTestKey(tb testing.TB, algorithm Algorithm) *Key {
	tb.Helper()
	key, err := NewKey(algorithm)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// secrets are ways to write what nobody may see.
func secrets(t *testing.T, key *Key) []string {
	t.Helper()
	var raw []byte
	switch k := key.private().(type) {
	case *ecdsa.PrivateKey:
		var err error
		if raw, err = k.Bytes(); err != nil {
			t.Fatal(err)
		}
	case ed25519.PrivateKey:
		raw = k.Seed()
	case *rsa.PrivateKey:
		raw = k.D.Bytes()
	}
	decimal := strings.Trim(fmt.Sprintf("%d", raw[:12]), "[]")
	commas := strings.ReplaceAll(decimal, " ", ", ")
	return []string{
		hex.EncodeToString(raw[:12]), decimal, commas, fmt.Sprintf("%#v", raw[:12])[7:60],
		new(big.Int).SetBytes(raw).String(), base64.StdEncoding.EncodeToString(raw)[:16], base64.RawURLEncoding.EncodeToString(raw)[:16],
		string(raw[:12]),
	}
}

func TestPrivateKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	for _, algorithm := range Algorithms {
		key := newTestKey(t, algorithm)
		set := Set{Keys: []Scheduled{{Key: key, Published: epoch, Signs: epoch}}}
		ring := &Ring{}
		ring.current.Store(&view{set: set})
		type holder struct {
			key    Key
			set    Set
			minted minted
		}
		var printed bytes.Buffer
		values := []any{key, *key, set, &set, ring, set.Keys[0], holder{*key, set, minted{key: key}}, key.private, set.Status(epoch)}
		for _, value := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&printed, verb+"\n", value)
			}
			if content, err := json.Marshal(value); err == nil { // what cannot be written shows nothing
				printed.Write(content)
			}
			for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
				slog.New(handler).Info("x", "value", value)
			}
		}
		for _, secret := range secrets(t, key) {
			if strings.Contains(printed.String(), secret) {
				t.Errorf("%s: the private key was printed as %q", algorithm, secret)
			}
		}
		if !strings.Contains(printed.String(), key.ID()) {
			t.Errorf("%s: the ID was not printed", algorithm)
		}
	}
}

func TestTokensAreNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := "eyJhbGciOi"
	token := Token{authorization: "Bearer " + secret}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+"\n", token)
	}
	content, err := json.Marshal(map[string]any{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(content)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "token", token)
	if strings.Contains(printed.String(), secret) || strings.Contains(printed.String(), hex.EncodeToString([]byte(secret))) || !strings.Contains(printed.String(), hidden) {
		t.Error(printed.String())
	}
	if token.Text() != secret || token.Authorization() != "Bearer "+secret {
		t.Error("who needs it must get it")
	}
}

func TestKeysThatAreTooWeakAreRefused(t *testing.T) {
	t.Parallel()
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2046), E: 65537}
	for _, algorithm := range []Algorithm{RS256, RS512, ES256} {
		if _, err := newKey(algorithm, weak, nil); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	for _, algorithm := range []Algorithm{"", "none", "HS256", "PS256", "ES384"} {
		if _, err := NewKey(algorithm); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestStoredSetIsReadBack(t *testing.T) {
	t.Parallel()
	var set Set
	for i, algorithm := range Algorithms {
		set.Keys = append(set.Keys, Scheduled{Key: newTestKey(t, algorithm), Published: epoch, Signs: epoch.Add(time.Duration(i) * time.Hour)})
	}
	set.Keys[0].Key, set.Keys[0].Retires = set.Keys[0].withoutPrivate(), epoch.Add(time.Hour)
	content, err := set.encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := decodeSet(content)
	if err != nil {
		t.Fatal(err)
	}
	again, err := read.encode()
	if err != nil || !bytes.Equal(content, again) {
		t.Errorf("written again it is different (%v)", err)
	}
	if read.Keys[0].signs() || !read.Keys[1].signs() {
		t.Error("a private half came or went")
	}
}

var write = flag.Bool("write", false, "write the fixture of the newest format")

func TestFormat1IsStillRead(t *testing.T) {
	t.Parallel()
	const name = "testdata/set-1.json"
	if *write {
		set := Set{Keys: []Scheduled{
			{Key: newTestKey(t, RS512).withoutPrivate(), Published: epoch, Signs: epoch, Retires: epoch.Add(day)},
			{Key: newTestKey(t, EdDSA), Published: epoch, Signs: epoch.Add(day), Retires: epoch.Add(2 * day)},
			{Key: newTestKey(t, ES256), Published: epoch.Add(day), Signs: epoch.Add(2 * day)},
		}}
		content, err := set.encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	set, err := decodeSet(content)
	if err != nil {
		t.Fatal(err)
	}
	l := lab{t: t, set: set, now: epoch.Add(day)}
	l.want("retired signing published ")
	if key := set.Signing(l.now); key == nil || key.Algorithm() != EdDSA || set.Keys[0].signs() || !set.Keys[2].signs() {
		t.Errorf("%+v", set.Status(l.now))
	}
	if again, err := set.encode(); err != nil || !bytes.Equal(again, content) {
		t.Errorf("written again it is different (%v)", err)
	}
}

func TestDamagedSetIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	a, b := newTestKey(t, ES256), newTestKey(t, ES256)
	content, err := Set{Keys: []Scheduled{{Key: a, Published: epoch, Signs: epoch}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Set{Keys: []Scheduled{{Key: b, Published: epoch, Signs: epoch}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	member := func(content []byte, name string) string {
		_, rest, _ := strings.Cut(string(content), `"`+name+`":"`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	swap := func(name, with string) string {
		return strings.Replace(string(content), `"`+name+`":"`+member(content, name), `"`+name+`":"`+with, 1)
	}
	for name, damaged := range map[string]string{
		"nothing":            "",
		"cut":                string(content[:len(content)/2]),
		"two":                string(content) + string(content),
		"unknown member":     `{"format":1,"keys":[],"more":1}`,
		"newer format":       `{"format":2,"keys":[]}`,
		"another's private":  swap("private", member(other, "private")),
		"another's public":   swap("public", member(other, "public")),
		"another's ID":       swap("kid", b.ID()),
		"another algorithm":  swap("alg", "EdDSA"),
		"a broken private":   swap("private", "AAAA"),
		"a broken public":    swap("public", "AAAA"),
		"signs before known": swap("signs", "2020-01-01T00:00:00Z"),
	} {
		_, err := decodeSet([]byte(damaged))
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), member(content, "private")[:20]) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}
