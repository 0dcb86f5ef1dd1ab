package testbed_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// Who signs in is who the page says it is, until signing out.
func TestApplicationsKnowWhoSignedIn(t *testing.T) {
	t.Parallel()
	redis := testbed.StartRedis(t)
	for name, app := range map[string]struct {
		*testbed.Program
		id string
	}{
		"express": {testbed.Express(t, redis.Address), "alice"},
		"cookies": {testbed.Express(t, "", "new", "old"), "alice"},
		"flask":   {testbed.Flask(t).Program, "1"},
	} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		page := func(response *http.Response, err error) string {
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return strings.ReplaceAll(strings.TrimSpace(string(body)), ": ", ":")
		}
		for _, step := range []struct{ what, want string }{
			{"who", `"user":null`}, {"login", `"user":"` + app.id + `"`}, {"who", `"user":"` + app.id + `"`}, {"logout", `"user":null`},
		} {
			var got string
			if step.what == "who" {
				got = page(client.Get(app.URL("/who")))
			} else {
				got = page(client.PostForm(app.URL("/"+step.what), url.Values{"user": {"alice"}}))
			}
			if !strings.Contains(got, step.want) {
				t.Errorf("%s: %s: %s; want %s", name, step.what, got, step.want)
			}
		}
	}
}
