package django_test

import (
	"slices"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session/django"
)

func TestTheConfiguredCookieIsTheOneThatIsTakenOff(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "sessionid", "desk": "desk"} {
		s, err := django.New(django.Config{SecretKeys: []string{secretKey}, CookieName: name}, django.SignedCookies{}, nil, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Names(); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q", name, got)
		}
	}
}
