package laravel_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/laravel"
)

const (
	someID   = "abcdefghijklmnopqrstABCDEFGHIJKLMNOPQ012"
	loginKey = "login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d"
)

// seal encrypts as Laravel does, AES-256-CBC with the test's key.
func seal(tb testing.TB, plain string) string {
	tb.Helper()
	key := []byte(strings.Repeat("k", 32))
	block, err := aes.NewCipher(key)
	must(tb, err)
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	data := append([]byte(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := []byte("0123456789abcdef")
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	iv64, value := base64.StdEncoding.EncodeToString(iv), base64.StdEncoding.EncodeToString(data)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(iv64 + value))
	return base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"iv":%q,"value":%q,"mac":"%x","tag":""}`, iv64, value, mac.Sum(nil))))
}

func cookieOf(tb testing.TB, id string) string {
	tb.Helper()
	mac := hmac.New(sha1.New, []byte(strings.Repeat("k", 32)))
	mac.Write([]byte("laravel_sessionv2"))
	return seal(tb, hex.EncodeToString(mac.Sum(nil))+"|"+id)
}

// stored makes a reader of one session file.
func stored(tb testing.TB, config laravel.Config, id, data string) *laravel.Sessions {
	tb.Helper()
	dir := tb.TempDir()
	must(tb, os.WriteFile(filepath.Join(dir, id), []byte(data), 0o600))
	config.Keys = []string{appKey}
	s, err := laravel.New(config, laravel.Files{Dir: dir}, nil, time.Now)
	must(tb, err)
	return s
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 2000)
	for name, test := range map[string]struct {
		config laravel.Config
		data   string
		want   string
	}{
		"a number":            {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";i:42;}`, "42"},
		"a text":              {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";s:4:"01hx";}`, "01hx"},
		"zero counts":         {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";i:0;}`, "0"},
		"null":                {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";N;}`, "no_user"},
		"a boolean":           {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";b:1;}`, "undecodable"},
		"an object":           {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";O:1:"x":0:{}}`, "undecodable"},
		"too long":            {laravel.Config{}, `a:1:{s:50:"` + loginKey + `";s:2000:"` + long + `";}`, "undecodable"},
		"empty":               {laravel.Config{}, "", "no_user"},
		"no array":            {laravel.Config{}, "i:5;", "undecodable"},
		"nothing":             {laravel.Config{}, "rubbish", "undecodable"},
		"JSON number":         {laravel.Config{JSON: true}, `{"_token":"x","` + loginKey + `":42,"list":[1,{"a":1.5}]}`, "42"},
		"JSON text":           {laravel.Config{JSON: true}, `{"` + loginKey + `":"01hx"}`, "01hx"},
		"JSON twice":          {laravel.Config{JSON: true}, `{"` + loginKey + `":1,"` + loginKey + `":2}`, "2"},
		"JSON null":           {laravel.Config{JSON: true}, `{"` + loginKey + `":null}`, "no_user"},
		"JSON list":           {laravel.Config{JSON: true}, `[]`, "no_user"},
		"JSON large number":   {laravel.Config{JSON: true}, `{"` + loginKey + `":99999999999999999999}`, "undecodable"},
		"JSON scalar":         {laravel.Config{JSON: true}, `5`, "undecodable"},
		"JSON and more":       {laravel.Config{JSON: true}, `{} {}`, "undecodable"},
		"JSON deep":           {laravel.Config{JSON: true}, strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600), "undecodable"},
		"JSON no UTF-8":       {laravel.Config{JSON: true}, "{\"a\":\"\xff\"}", "undecodable"},
		"PHP for JSON":        {laravel.Config{JSON: true}, `a:0:{}`, "undecodable"},
		"encrypted":           {laravel.Config{Encrypted: true}, seal(t, fmt.Sprintf(`s:61:"a:1:{s:50:"%s";i:7;}";`, loginKey)), "undecodable"}, // a wrong length
		"encrypted JSON":      {laravel.Config{Encrypted: true, JSON: true}, seal(t, fmt.Sprintf(`s:56:"{"%s":7}";`, loginKey)), "7"},
		"encrypted, not text": {laravel.Config{Encrypted: true}, seal(t, "i:1;"), "undecodable"},
		"not encrypted":       {laravel.Config{Encrypted: true}, `a:0:{}`, "unverified"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := stored(t, test.config, someID, test.data).Open(context.Background(), cookieOf(t, someID))
			is := string(got.Reason)
			if got.State == session.Known {
				is = got.Principal.Subject
			}
			if is != test.want {
				t.Errorf("%s %v; want %s", is, got.Err, test.want)
			}
			if got.Err != nil && (strings.Contains(got.Err.Error(), someID) || strings.Contains(got.Err.Error(), "rubbish") || strings.Contains(got.Err.Error(), "login")) {
				t.Errorf("a secret is in %v", got.Err)
			}
		})
	}
}

// The ID becomes the name of a file: nothing else than an ID may, whoever has
// the key.
func TestOnlyIDsAreLookedFor(t *testing.T) {
	t.Parallel()
	s := stored(t, laravel.Config{}, someID, "a:0:{}")
	for _, id := range []string{"", "x", "../" + someID[:37], someID + "a", someID[:39] + "/", someID[:39] + "_", strings.Repeat("é", 20)} {
		expect(t, s.Open(context.Background(), cookieOf(t, id)), session.Anonymous, session.BadCookie)
	}
	expect(t, s.Open(context.Background(), seal(t, someID)), session.Anonymous, session.BadSignature) // no prefix
	expect(t, s.Open(context.Background(), cookieOf(t, strings.Repeat("z", 40))), session.Anonymous, session.NoSession)
	gone, err := laravel.New(laravel.Config{Keys: []string{appKey}}, laravel.Files{Dir: filepath.Join(t.TempDir(), "none")}, nil, time.Now)
	must(t, err)
	got := gone.Open(context.Background(), cookieOf(t, someID))
	expect(t, got, session.Unavailable, session.StoreFailed)
	if strings.Contains(got.Err.Error(), someID) {
		t.Error(got.Err)
	}
}

// Base64 as PHP reads it; what it makes of these was asked of PHP 8.2.
func TestBase64(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{ // not strict, strict
		"YWJj": {"abc", "abc"}, "YWI=": {"ab", "ab"}, "YWI": {"ab", "ab"}, "YW Jj": {"abc", "abc"}, "Y!WJj": {"abc", "-"}, "YW=Jj": {"abc", "-"},
		"YWJjY": {"abc", "-"}, "====": {"", "-"}, "YWI==": {"ab", "-"}, "": {"", ""}, "YQ==": {"a", "a"}, "YQ=": {"a", "-"}, "YWJj=": {"abc", "-"},
	} {
		loose, _ := laravel.Decode64(text, false)
		strict, ok := laravel.Decode64(text, true)
		is := string(strict)
		if !ok {
			is = "-"
		}
		if string(loose) != want[0] || is != want[1] {
			t.Errorf("%q: %q, %q; want %q", text, loose, is, want)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	data := `a:4:{s:6:"_token";s:40:"8vDyRwtVBbkMlcgWSJhfVQnYpGdMkeyAvLxwTJ0a";s:9:"_previous";a:1:{s:3:"url";s:24:"http://localhost/account";}` +
		`s:6:"_flash";a:2:{s:3:"old";a:0:{}s:3:"new";a:0:{}}s:50:"` + loginKey + `";i:42;}`
	s := stored(b, laravel.Config{}, someID, data)
	cookie := cookieOf(b, someID)
	b.Run("cookie", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.ID(cookie); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("file", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := s.Open(context.Background(), cookie); got.State != session.Known {
				b.Fatal(got)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	s := stored(f, laravel.Config{}, someID, "a:0:{}")
	f.Add(cookieOf(f, someID))
	f.Add(base64.StdEncoding.EncodeToString([]byte(`{"iv":"","value":"","mac":""}`)))
	f.Fuzz(func(t *testing.T, cookie string) {
		if got := s.Open(context.Background(), cookie); got.State != session.Anonymous {
			t.Errorf("%q: %+v", cookie, got)
		}
	})
}

func FuzzPayload(f *testing.F) {
	phps, jsons := stored(f, laravel.Config{}, someID, ""), stored(f, laravel.Config{JSON: true}, someID, "")
	f.Add(`a:1:{s:50:"` + loginKey + `";i:42;}`)
	f.Add(`{"` + loginKey + `":42,"a":[1.5,null]}`)
	f.Fuzz(func(t *testing.T, data string) {
		for _, s := range []*laravel.Sessions{phps, jsons} {
			if vars, err := s.Decode(data); (vars == nil) == (err == nil) {
				t.Errorf("%v, %v", vars, err)
			}
		}
	})
}
