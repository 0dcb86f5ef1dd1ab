package express_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/express"
)

// Signed by express-session's cookie-signature with the secret "benchmark"; and data as connect-redis stores it.
const (
	benchCookie = "s%3A8vTqg2Yk1mPz0Wc4bRxNfL7uJdHsEaQi.9NvOEjrlg2dms2xE0ww902avMM99OHdoltyTcz6Sv%2BI"
	benchData   = `{"cookie":{"originalMaxAge":3600000,"expires":"2100-01-01T00:00:00.000Z","secure":true,"httpOnly":true,"path":"/","sameSite":"lax"},` +
		`"passport":{"user":"5f1d7f3e-0000-4000-8000-000000000042"},"csrfSecret":"kAJHSDkjhaskdjh7868ASDKJH","returnTo":"/tickets/17?page=2",` +
		`"cart":{"17":{"qty":2,"price":"19.90"},"23":{"qty":1,"price":"5.00"}},"flash":{"info":["Welcome back!"]},"seen":[4,8,15,16,23,42]}`
)

func benchReader(tb testing.TB) *express.Sessions {
	tb.Helper()
	s, err := express.New(express.Config{Secrets: []string{"benchmark"}, Identity: express.Identity{Claims: []string{"cart"}}}, nil, time.Now)
	must(tb, err)
	return s
}

func sign(value string) string {
	mac := hmac.New(sha1.New, []byte("benchmark"))
	mac.Write([]byte("session=" + value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// All of a request but asking Redis.
func BenchmarkSessions(b *testing.B) {
	s := benchReader(b)
	header := http.Header{"Cookie": {"a=b; connect.sid=" + benchCookie}}
	b.ReportAllocs()
	for b.Loop() {
		value, _, ok := s.Cookie(header)
		id := s.Unsign(value)
		if got := s.Read([]byte(benchData)); !ok || id == "" || got.State != session.Known {
			b.Fatal(got)
		}
	}
}

func BenchmarkCookie(b *testing.B) {
	s := benchReader(b)
	header := http.Header{"Cookie": {"_ga=GA1.1.1234567890.1700000000; theme=dark; connect.sid=" + benchCookie}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := s.Cookie(header); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkCookieSession(b *testing.B) {
	s := cookieReader(b, "benchmark")
	value := base64.StdEncoding.EncodeToString([]byte(benchData))
	header := http.Header{"Cookie": {"session=" + value + "; session.sig=" + sign(value)}}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		value, _, _ := s.Cookie(header)
		if got := s.Open(ctx, value); got.State != session.Known {
			b.Fatal(got)
		}
	}
}

func FuzzCookie(f *testing.F) {
	for _, header := range []string{"connect.sid=" + benchCookie, `connect.sid="s:a.b"; connect.sid=x`, "connect.sid=%E2%82%ac%", "\xa0connect.sid=\xe9"} {
		f.Add(header)
	}
	s, cookies := benchReader(f), cookieReader(f, "benchmark")
	mine := s.Unsign(benchCookie)
	f.Fuzz(func(t *testing.T, header string) {
		value, known, ok := s.Cookie(http.Header{"Cookie": {header}})
		if ok != (value != "") || !ok && known.State == session.Known || ok && !strings.Contains(header, value) {
			t.Errorf("%q, %v", value, known)
		}
		if id := s.Unsign(value); id != "" && id != mine {
			t.Errorf("%q is signed", id)
		}
		if got := resolve(cookies, header); got.State == session.Known {
			t.Error("a principal without a signature")
		}
	})
}

func FuzzData(f *testing.F) {
	for _, data := range []string{benchData, `{"cookie":{"expires":"x"}}`, `{"cookie":{},"passport":{"user":0}}`, `null`, `{"cookie":{},"passport":{"user":"\ud800"}}`} {
		f.Add([]byte(data))
	}
	s, cookies := benchReader(f), cookieReader(f, "benchmark")
	f.Fuzz(func(t *testing.T, data []byte) {
		got := s.Read(data)
		if got.State == session.Known && got.Principal.Subject == "" || got.State == session.Unavailable && got.Err == nil {
			t.Error(got)
		}
		value := base64.StdEncoding.EncodeToString(data)
		same := cookies.Open(context.Background(), sign(value)+";"+value)
		if got.State == session.Known && (same.State != session.Known || same.Principal.Subject != got.Principal.Subject) && len(value) < 16<<10-28 {
			t.Errorf("%v as express-session, %v as cookie-session", got, same)
		}
	})
}
