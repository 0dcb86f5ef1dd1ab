package django_test

import (
	"context"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/django"
	"github.com/strangler-proxy/strangler/identity/session/pickle"
)

// A session as login makes it, signed and then found to be nobody's, because
// its backend is not allowed: so all but the user's row is measured.
func BenchmarkSignedCookie(b *testing.B) {
	const key = "benchmark"
	for name, cookie := range benchCookies {
		b.Run(name, func(b *testing.B) {
			s, err := django.New(django.Config{SecretKeys: []string{key}, Backends: []string{"none"}}, django.SignedCookies{}, nil,
				func() time.Time { return time.Unix(1_700_000_000, 0) })
			must(b, err)
			ctx := context.Background()
			header := cookieHeader(cookie)
			b.ReportAllocs()
			for b.Loop() {
				if got := s.Resolve(ctx, header); got.Reason != session.OtherBackend {
					b.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkPickle(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pickle.Decode([]byte(benchPickle)); err != nil {
			b.Fatal(err)
		}
	}
}
