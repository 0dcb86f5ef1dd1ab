package testbed_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

var authenticityToken = regexp.MustCompile(`name="authenticity_token" value="([^"]+)"`)

// Devise's own form signs in who Rails then says it is, until signing out.
func TestRailsKnowsWhoSignedIn(t *testing.T) {
	t.Parallel()
	app := testbed.Rails(t, nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	page := func(response *http.Response, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	expect := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%s; want %s", got, want)
		}
	}
	expect(page(client.Get(app.URL("/who"))), `{"by":"rails","user":null}`)
	token := authenticityToken.FindStringSubmatch(page(client.Get(app.URL("/users/sign_in"))))
	if token == nil {
		t.Fatal("no form")
	}
	expect(page(client.PostForm(app.URL("/users/sign_in"), url.Values{
		"authenticity_token": token[1:], "user[email]": {"alice@example.com"}, "user[password]": {"password"},
	})), "signed in as alice@example.com (1)")
	expect(page(client.Get(app.URL("/who"))), `{"by":"rails","user":1}`)
	expect(page(client.Get(app.URL("/users/sign_out"))), "nobody is signed in")
}
