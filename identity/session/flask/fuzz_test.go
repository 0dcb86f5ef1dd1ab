package flask_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/flask"
)

// Written by Flask 2.2 with the key "benchmark" at 1700000000.
var benchCookies = map[string]string{
	"small": ".eJyrVoovLU4tis9MUbJSMk0zTDFPM07VNQACXRMQYQEiDODAxEipFgByfgyw.ZVPxAA.HgTEJMzuocQ5Ec_12bvTk0pcKyQ",
	"large": ".eJxl0c1OBCEMAOBXUc67BkqBdl7Dgwez2fBT1Pg_s5qYzb67jJnAwR6akI_SppzV8WuR-fhU1KRcNSVUK3vdYo9rojXpHghqp451luVRTaf5S9rprzRiTAURKSM7D4WAjHHF2GhqzhIZQnWQsDh0DBwqJbSCUCIxWErZWA9e0JacLJWSNAFSsyCZNdaEoF1AtExWiBw5E7g47ZyJVfw6Vl7mejy9P8tbm4ddTjrV0lqFHLwBpsIeULDNgDlAtMwB41oX55Oazkqv6fP0oya9Ux_zU5b2jr5hrS47ZTqagWZD6AgDYUPb0Q60G2JHHIgbuo5uoNvQd_QD_YahYxgYNqSONJA25I48kP_wsv78S1weZVHT_Vldta3dq1dZlvggbY938pLfX-Uqxfx8rQ6X3f8rt_Fbyk2zw-UX3qutWA.ZVPxAA.W5Sxo0XfSlnTA6TrYhHV81PSXyI",
}

func benchReader(tb testing.TB) *flask.Sessions {
	tb.Helper()
	s, err := flask.New(flask.Config{SecretKeys: []string{"benchmark"}, Claims: []string{"cart"}}, nil, func() time.Time { return time.Unix(1_700_000_100, 0) })
	must(tb, err)
	return s
}

func BenchmarkSession(b *testing.B) {
	for name, cookie := range benchCookies {
		b.Run(name, func(b *testing.B) {
			s := benchReader(b)
			header := http.Header{"Cookie": {"a=b; session=" + cookie}}
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				value, _, _ := s.Cookie(header)
				if got := s.Open(ctx, value); got.State != session.Known {
					b.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkCookie(b *testing.B) {
	s := benchReader(b)
	header := http.Header{"Cookie": {"_ga=GA1.1.1234567890.1700000000; theme=dark; session=" + benchCookies["small"]}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := s.Cookie(header); !ok {
			b.Fatal("not found")
		}
	}
}

func FuzzCookie(f *testing.F) {
	for _, cookie := range benchCookies {
		f.Add("session=" + cookie)
	}
	f.Add(`session="a.b.c"; remember_token=1|x; x="a;b"`)
	s := benchReader(f)
	f.Fuzz(func(t *testing.T, header string) {
		got := resolve(s, header)
		if got.State == session.Known && got.Principal.Subject != "5f1d7f3e-0000-4000-8000-000000000042" {
			t.Error("a principal that nobody signed")
		}
		if got.State == session.Unavailable && got.Reason != session.AmbiguousCookie && got.Err == nil {
			t.Error(got)
		}
	})
}

// Anything that is signed is read, or refused, and always the same.
func FuzzPayload(f *testing.F) {
	for _, payload := range []string{`{"_user_id":"5","cart":{" t":[{" b":"AAE="},{" u":"00000000000000000000000000000005"}]}}`, `{" di":{"_user_id__":NaN}}`, `[{" d":"x"}]`} {
		f.Add([]byte(payload), false)
		f.Add([]byte(payload), true)
	}
	f.Add([]byte("x\x9c\x03\x00\x00\x00\x00\x01"), true)
	s := benchReader(f)
	key := hmac.New(sha1.New, []byte("benchmark"))
	key.Write([]byte("cookie-session"))
	derived := key.Sum(nil)
	f.Fuzz(func(t *testing.T, payload []byte, deflated bool) {
		text := base64.RawURLEncoding.EncodeToString(payload) + ".ZVPxAA"
		if deflated {
			text = "." + text
		}
		mac := hmac.New(sha1.New, derived)
		mac.Write([]byte(text))
		value := text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		got, again := s.Open(context.Background(), value), s.Open(context.Background(), value)
		if got.Reason == session.BadSignature || got.State != again.State || got.Reason != again.Reason {
			t.Errorf("%v, then %v", got, again)
		}
		if got.State == session.Known && got.Principal.Subject == "" || got.State == session.Unavailable && got.Err == nil {
			t.Error(got)
		}
	})
}
