package rails_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rails"
)

// written are cookies that Rails 6.1 wrote, with the secret "benchmark" and
// user_id 7: GCM, and AES-CBC with HMAC-SHA1.
const (
	gcmCookie = "wyyHWgORTqMs9ahl1L6RsGitFOyYbsCETrY3QVhKg7%2B3ILFwRV%2BmzDJYjst5b4TPJzuSJN4K2b%2BzpjQTmLLO6g6GQ4owTNe%2B9m6%2BascGYssyOhVn%2BuDqQPs1lSOA7rW7TnUlmJPHomlwr9aCS8kGmxR05BUY0MP7n%2FtRUJwpnCKfrhKG3A3cCg7FyQaQi59xl1M25DL36l8i%2B2kycVHIb4FfHdppnBaj%2FfcBGctu4icuVHvYdpccxb2vTq5gxefrpKzseug9C%2F5lIzpxhfAB2v1q5mbYjfzpnBvvQYL2IkKgkfww5ZXtqYo%3D--y6YBJd7evQsvfwaR--NEE%2BjBbdRKfklgrQ98%2F64Q%3D%3D"
	cbcCookie = "UDNDY0lSakI3bklNa05SUWVXT0dWNDFnbzFkYzVHMi9QUzlDVzZncmg0QVAyU3NzWjNKbWVZcXVmVkdLc0NUdVY2SkZCaHE1Rk9HNTVCNGRPeENjUHpaak02cmJKdjJHdXg4dEM2UlF2dDJickx4b3l1N3VYc3JjRksrclNITXFUakp5NTJMRnBlMVpHbFVWemoyZE92U01TRUxTRFJCTW5mSFNWYS81OTdKa0dUUWYvMTVwZDZpa1hzb01sVStYTjNxQTN6TkNjZ0ZXSy9pRzd0YlV3U1FLVE42bkVNZHdqTkFTeUovS0hFeEFjdHV3TVVTVEZNUHBSZjBOdG9SRG1wRWdDQk9NbnhMOVY4dWRRL3Z4TkVNNTJlOWd1MyswMFhMekJJOFNlSlZRdXJCakYwT2hDWG5kMWFZSEk2V0UtLW1TbnM3MVcyL21qaCs4b3BUVzRwYVE9PQ%3D%3D--431be03031a98888a8fdc5163676ffe0415f60cf"
)

// FuzzCookie holds that nothing but what Rails sealed is ever anybody's.
func FuzzCookie(f *testing.F) {
	s := fixed(f)
	for _, cookie := range []string{gcmCookie, cbcCookie, "", "--", "a--b--c", "%", "%2B+", strings.Repeat("--", 9)} {
		f.Add(cookie)
	}
	sealed := map[string]bool{unescaped(gcmCookie): true, unescaped(cbcCookie): true}
	f.Fuzz(func(t *testing.T, cookie string) {
		got := s.Open(context.Background(), cookie)
		if got.State == session.Known && !sealed[unescaped(cookie)] {
			t.Fatalf("%q is %+v", cookie, got.Principal)
		}
		value, _, ok := s.Cookie(http.Header{"Cookie": {cookieName + "=" + cookie}})
		if before, _, cut := strings.Cut(cookie, ";"); ok && !cut && value != before {
			t.Fatalf("%q is read as %q", cookie, value)
		}
	})
}

// FuzzSession holds that any text under Rails' own seal is judged.
func FuzzSession(f *testing.F) {
	s := fixed(f)
	for _, text := range []string{
		`{"session_id":"a","user_id":5}`, `{"_rails":{"message":"e30=","exp":null,"pur":"cookie.` + cookieName + `"}}`, "\x04\b{", `[]`, `{"user_id":{}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := s.Open(context.Background(), url.QueryEscape(s.Seal(text)))
		switch {
		case got.State == session.Known && got.Principal.Subject == "", got.State != session.Known && got.Reason == "":
			t.Fatalf("%q: %+v", text, got)
		case got.State == session.Unavailable && got.Err == nil:
			t.Fatalf("%q: unavailable without a reason", text)
		}
	})
}

func fixed(tb testing.TB) *rails.Sessions {
	tb.Helper()
	return reader(tb, rails.Config{Secrets: []string{"benchmark"}, Path: []string{"user_id"}}, rails.CookieStore{}, nil, func() time.Time { return time.Unix(1_800_000_000, 0) })
}

func unescaped(cookie string) string {
	text, err := url.QueryUnescape(cookie)
	if err != nil {
		return cookie
	}
	return text
}

func TestFixedCookies(t *testing.T) {
	t.Parallel()
	for _, cookie := range []string{gcmCookie, cbcCookie} {
		got := fixed(t).Open(context.Background(), cookie)
		expect(t, got, session.Known, "")
		if got.State == session.Known && got.Principal.Subject != "7" {
			t.Errorf("%+v", got.Principal)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, cookie := range map[string]string{"gcm": gcmCookie, "cbc": cbcCookie, "forged": strings.Replace(gcmCookie, "--", "A--", 1)} {
		b.Run(name, func(b *testing.B) {
			s, ctx := fixed(b), context.Background()
			b.ReportAllocs()
			for b.Loop() {
				s.Open(ctx, cookie)
			}
		})
	}
}

func BenchmarkCookie(b *testing.B) {
	s, header := fixed(b), cookieHeader(gcmCookie)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := s.Cookie(header); !ok {
			b.Fatal("not found")
		}
	}
}
