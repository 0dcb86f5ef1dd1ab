package e2e

import (
	"bytes"
	"crypto/tls"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// secured is the helpdesk behind https, with a service that takes its forms.
type secured struct {
	*browser
	t *testing.T
}

func startSecured(t *testing.T) *secured {
	t.Helper()
	desk := testbed.StartHelpdesk(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Served-By", "form-service")
	}))
	t.Cleanup(service.Close)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		caddyfile := testbed.Caddyfile(address, admin, "identity {\n issuer https://"+address+
			"\n sessions django {\n secret_key demo-key-that-protects-nothing\n engine db sqlite://"+desk.Database()+"\n users\n }\n}")
		caddyfile = strings.Replace(caddyfile, "auto_https off", "auto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust", 1)
		return strings.Replace(caddyfile, "http://:", "https://127.0.0.1:", 1), `
targets: { monolith: { url: "http://` + desk.Address + `" }, s: { url: "` + service.URL + `" } }
monolith: monolith
routes:
  - { name: forms, match: /moved/form/, service: s, percent: 100, owner: o, fallback: [connect], identity: { csrf: django } }
`
	})
	s := &secured{newBrowser(t, "https://"+proxy.Address), t}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- it is made for this test
	t.Cleanup(transport.CloseIdleConnections)
	s.client.Transport = transport
	testbed.WaitFor(t, "the certificate", func() bool {
		conn, err := tls.Dial("tcp", proxy.Address, transport.TLSClientConfig)
		return err == nil && conn.Close() == nil
	})
	return s
}

// post sends the same to the service's path and the monolith's own form: served
// says that the service got it, refused that Django would not take it.
func (s *secured) post(header http.Header, body string) (served, refused bool, status int) {
	s.t.Helper()
	ours := s.do(http.MethodPost, "/moved/form/", header.Clone(), strings.NewReader(body))
	theirs := s.do(http.MethodPost, "/tickets/new/", header.Clone(), strings.NewReader(body))
	return ours.Header.Get("X-Served-By") == "form-service", theirs.Status == http.StatusForbidden, ours.Status
}

// TestDjangosFormsGoToServices: a form of the real Django, with its cookie and its
// token, goes to a service that took over its path, and what Django itself would
// refuse never does.
func TestDjangosFormsGoToServices(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	form, site := "application/x-www-form-urlencoded", s.base.String()
	page := site + "/tickets/new/"
	login := url.Values{csrfField: {s.token("/accounts/login/")}, "username": {"anna"}, "password": {"helpdesk"}}
	if got := s.do(http.MethodPost, "/accounts/login/", http.Header{"Content-Type": {form}, "Referer": {site + "/"}}, strings.NewReader(login.Encode())); got.Status != http.StatusFound {
		t.Fatalf("signing in: %d", got.Status)
	}
	token := s.token("/tickets/new/")
	field := url.Values{csrfField: {token}, "subject": {"Lamp"}}.Encode()
	other := newBrowser(t, site)
	other.client.Transport = s.client.Transport
	foreign := other.token("/accounts/login/")
	for what, test := range map[string]struct {
		header http.Header
		body   string
		served bool
	}{
		"the form":                         {http.Header{"Content-Type": {form}, "Referer": {page}}, field, true},
		"a browser's form":                 {http.Header{"Content-Type": {form}, "Referer": {page}, "Origin": {site}, "Sec-Fetch-Site": {"same-origin"}}, field, true},
		"a script's header":                {http.Header{"Content-Type": {"application/json"}, "Referer": {page}, "X-Csrftoken": {token}}, "{}", true},
		"the last of two tokens":           {http.Header{"Content-Type": {form}, "Referer": {page}}, csrfField + "=" + foreign + "&" + field, true},
		"the first of two tokens":          {http.Header{"Content-Type": {form}, "Referer": {page}}, field + "&" + csrfField + "=" + foreign, false},
		"no token":                         {http.Header{"Content-Type": {form}, "Referer": {page}}, "subject=Lamp", false},
		"another browser's token":          {http.Header{"Content-Type": {form}, "Referer": {page}}, csrfField + "=" + foreign, false},
		"neither origin nor referer":       {http.Header{"Content-Type": {form}}, field, false},
		"a header, and neither":            {http.Header{"X-Csrftoken": {token}}, "", false},
		"a page of http":                   {http.Header{"Content-Type": {form}, "Referer": {strings.Replace(page, "https", "http", 1)}}, field, false},
		"a page of another port":           {http.Header{"Content-Type": {form}, "Referer": {"https://127.0.0.1:1/tickets/new/"}}, field, false},
		"a page of another site":           {http.Header{"Content-Type": {form}, "Referer": {"https://evil.example/?" + page}}, field, false},
		"a page with the site as its user": {http.Header{"Content-Type": {form}, "Referer": {"https://" + s.base.Host + "@evil.example/"}}, field, false},
		"a referer that is none":           {http.Header{"Content-Type": {form}, "Referer": {"/tickets/new/"}}, field, false},
		"an empty referer":                 {http.Header{"Content-Type": {form}, "Referer": {""}}, field, false},
	} {
		served, refused, status := s.post(test.header, test.body)
		if served != test.served || refused == test.served {
			t.Errorf("%s: the service got it: %t, %d; Django refuses it: %t", what, served, status, refused)
		}
	}
	// Django 3.2 does not look at Origin, 4.0 does: not the site's over TLS, or another's.
	for what, origin := range map[string]string{"the site without TLS": strings.Replace(site, "https", "http", 1), "nobody's": "null"} {
		header := http.Header{"Content-Type": {form}, "Referer": {page}, "Origin": {origin}, "Sec-Fetch-Site": {"same-origin"}}
		if served, _, _ := s.post(header, field); served {
			t.Errorf("an Origin of %s: the service got it", what)
		}
	}
	s.multipart(page, token)
}

// multipart: only the monolith can read it, and takes it.
func (s *secured) multipart(page, token string) {
	s.t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	_ = parts.WriteField(csrfField, token)
	if err := parts.Close(); err != nil {
		s.t.Fatal(err)
	}
	text, _ := io.ReadAll(&body)
	served, refused, status := s.post(http.Header{"Content-Type": {parts.FormDataContentType()}, "Referer": {page}}, string(text))
	if served || refused || status != http.StatusNotFound { // the monolith has no such page
		s.t.Errorf("a form of several parts: the service got it: %t, %d; Django refuses it: %t", served, status, refused)
	}
}
