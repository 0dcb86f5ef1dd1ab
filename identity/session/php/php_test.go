package php_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/php"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// written answers what a session of some text is.
func written(t *testing.T, config php.Config, text string) session.Outcome {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "sess_secretsecret"), []byte(text), 0o600))
	return reader(t, config, files(t, php.FilesConfig{SavePath: dir}), time.Now).Open(context.Background(), "secretsecret")
}

func TestWho(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`user_id|i:42;`:          "42",
		`user_id|i:-1;`:          "-1",
		`user_id|s:5:"alice";`:   "alice",
		`user_id|s:1:"0";`:       "no_user",
		`user_id|i:0;`:           "no_user",
		`user_id|N;`:             "no_user",
		`user_id|b:0;`:           "no_user",
		`user_id|s:0:"";`:        "no_user",
		`user_id|a:0:{}`:         "no_user",
		`x|i:1;`:                 "no_user",
		``:                       "no_user",
		`a|i:7;user_id|R:1;`:     "7",
		`user_id|b:1;`:           "undecodable",
		`user_id|d:1;`:           "undecodable",
		`user_id|a:1:{i:0;i:1;}`: "undecodable",
		"user_id|s:1:\"\xff\";":  "undecodable",
		`user_id|s:2000:"` + strings.Repeat("a", 2000) + `";`:                                    "undecodable",
		`user_id|O:4:"User":1:{s:2:"id";i:1;}`:                                                   "unsupported",
		`o|O:4:"User":1:{s:2:"id";i:1;}user_id|i:3;`:                                             "3",
		`x|` + strings.Repeat("a:1:{i:0;", 70) + `N;` + strings.Repeat("}", 70) + `user_id|i:1;`: "undecodable",
		`user_id|i:1;x`: "no_session",
		"\x00\x00\x00\x02\x14\x01\x11\x07user_id\x06\x01": "unsupported", // igbinary
		"\x81\xa7user_id\x01":                             "unsupported", // msgpack
		`a:1:{s:7:"user_id";i:1;}`:                        "unsupported", // php_serialize
		"\x07user_idi:1;":                                 "unsupported", // php_binary
	} {
		got := written(t, php.Config{}, text)
		is := string(got.Reason)
		if got.State == session.Known {
			is = got.Principal.Subject
		}
		if is != want {
			t.Errorf("%.60q: %s %v; want %s", text, is, got.Err, want)
		}
	}
	expect(t, written(t, php.Config{User: session.Path{"auth", "id"}}, `auth|a:1:{s:2:"id";i:9;}`), session.Known, "")
	expect(t, written(t, php.Config{User: session.Path{"user", "id"}}, `user|O:4:"User":1:{s:2:"id";i:1;}`), session.Unavailable, session.Unsupported)
}

// No error of any kind has the ID or a value in it.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`user_id|a:1:{i:0;s:10:"hiddenhidden";}`, `user_id|s:12:"hiddenhidden";x`, "\x00\x00\x00\x02hiddenhidden", `hiddenhidden|O:12:"hiddenhidden":0:{}user_id|b:1;`,
		`user_id|` + strings.Repeat(`a:1:{s:12:"hiddenhidden";`, 70) + `N;`, `a:1:{s:12:"hiddenhidden";i:1;}`,
	} {
		got := written(t, php.Config{}, text)
		if got.Err != nil && (strings.Contains(got.Err.Error(), "hidden") || strings.Contains(got.Err.Error(), "secret")) {
			t.Errorf("%q: %v", text, got.Err)
		}
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sess_secret"), 0o700))
	got := reader(t, php.Config{}, files(t, php.FilesConfig{SavePath: dir}), time.Now).Open(context.Background(), "secret")
	if got.Err == nil || strings.Contains(got.Err.Error(), "secret") {
		t.Errorf("%v", got.Err)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for _, config := range []php.Config{{CookieName: "a b"}, {CookieName: "a.b"}} {
		if _, err := php.New(config, nil, time.Now); err == nil {
			t.Errorf("%+v is taken", config)
		}
	}
	for _, config := range []php.FilesConfig{{}, {SavePath: "x;/tmp"}, {SavePath: "2;0600;"}, {SavePath: "/tmp", MaxLifetime: -1}, {SavePath: "/tmp", Owner: "no such user"}} {
		if _, err := php.NewFiles(config); err == nil {
			t.Errorf("%+v is taken", config)
		}
	}
	if _, err := php.HandlerOf("igbinary"); err == nil || !strings.Contains(err.Error(), "introspection") {
		t.Error(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	const text = `user_id|i:42;auth|a:3:{s:4:"name";s:5:"alice";s:5:"since";i:1700000000;s:4:"cart";a:1:{i:0;a:2:{s:3:"sku";s:4:"A-17";s:3:"qty";i:2;}}}csrf|s:32:"0123456789abcdef0123456789abcdef";`
	must(b, os.WriteFile(filepath.Join(dir, "sess_0123456789abcdef0123456789"), []byte(text), 0o600))
	s := reader(b, php.Config{}, files(b, php.FilesConfig{SavePath: dir}), time.Now)
	header := cookie("0123456789abcdef0123456789")
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := php.PHP.Decode(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cookie", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, ok := s.Cookie(header); !ok {
				b.Fatal()
			}
		}
	})
	b.Run("file", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := s.Resolve(context.Background(), header); got.State != session.Known {
				b.Fatal(got)
			}
		}
	})
}

func FuzzHandlers(f *testing.F) {
	for _, seed := range []string{`user_id|i:42;a|R:1;`, "\x07user_idi:42;", `a:1:{s:7:"user_id";i:42;}`, `a|O:1:"x":1:{s:1:"a";r:1;}`, "\x00\x00\x00\x02"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		for _, handler := range handlers {
			vars, err := handler.Decode(data)
			if (vars == nil) != (err != nil) {
				t.Errorf("%v, %v", vars, err)
			}
			if err == nil {
				unserialize.Plain(vars)
			}
		}
	})
}

// CVE-2022-31629
func TestANameThatBrowsersGuardIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"__Host-id=a": "a", "..Host-id=b": "", "..Host-id=b; __Host-id=a": "a", " _.Host-id=b": "", "__Host-id=a; __Host-id=b": "",
	} {
		if value, _, _ := php.FindCookie(http.Header{"Cookie": {line}}, "__Host-id"); value != want {
			t.Errorf("%s: %q", line, value)
		}
	}
}

func FuzzCookie(f *testing.F) {
	s := reader(f, php.Config{}, files(f, php.FilesConfig{SavePath: f.TempDir()}), time.Now)
	for _, seed := range []string{"PHPSESSID=a", "a=b; PHPSESSID=%41; PHPSESSID=A", "PHPSESSID[x]=1", "PHPSESSID=%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		value, known, ok := s.Cookie(map[string][]string{"Cookie": {header}})
		if ok == (value == "") || ok == (known.Reason != "") {
			t.Errorf("%q: %q %+v %v", header, value, known, ok)
		}
	})
}
