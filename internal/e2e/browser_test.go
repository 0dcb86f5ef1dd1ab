package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// exchange is a request and everything its answer had.
type exchange struct {
	Request string // method and target
	Proto   string
	Status  int
	Header  http.Header
	Trailer http.Header
	// Length and Encoding say how the body was framed.
	Length   int64
	Encoding []string
	Body     string
}

// browser is one person: a client that keeps cookies and shows redirects
// instead of following them.
type browser struct {
	t       *testing.T
	base    *url.URL
	client  *http.Client
	history []exchange
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, base: at, client: &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// request makes a request whose target goes out byte for byte.
func (b *browser) request(ctx context.Context, method, target string, header http.Header, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, b.base.String(), body)
	if err != nil {
		b.t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Scheme: b.base.Scheme, Host: b.base.Host, Opaque: path, RawQuery: query}
	r.URL.ForceQuery = strings.HasSuffix(target, "?")
	if strings.HasPrefix(path, "//") { // an Opaque that looks like a host
		r.URL = &url.URL{Scheme: b.base.Scheme, Host: b.base.Host, Path: path, RawQuery: query}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	return r
}

// send sends a request and remembers the exchange.
func (b *browser) send(r *http.Request) exchange {
	b.t.Helper()
	// The jar knows a path by URL.Path, which an opaque URL does not have.
	for _, cookie := range b.client.Jar.Cookies(b.base) {
		r.AddCookie(cookie)
	}
	response, err := b.client.Transport.RoundTrip(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	b.client.Jar.SetCookies(b.base, response.Cookies())
	done := exchange{
		Request: r.Method + " " + r.URL.RequestURI(), Proto: response.Proto, Status: response.StatusCode,
		Header: response.Header, Trailer: response.Trailer,
		Length: response.ContentLength, Encoding: response.TransferEncoding, Body: string(body),
	}
	b.history = append(b.history, done)
	return done
}

func (b *browser) do(method, target string, header http.Header, body io.Reader) exchange {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	return b.send(b.request(ctx, method, target, header, body))
}

func (b *browser) get(target string) exchange {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil, nil)
}

// submit fills in the form of a page: its CSRF token and these fields.
func (b *browser) submit(page, action string, fields url.Values) exchange {
	b.t.Helper()
	sent := url.Values{csrfField: {b.token(page)}}
	for name, values := range fields {
		sent[name] = values
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return b.do(http.MethodPost, action, header, strings.NewReader(sent.Encode()))
}

const csrfField = "csrfmiddlewaretoken"

var csrfInput = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)

// token is the CSRF token in a page's forms.
func (b *browser) token(page string) string {
	b.t.Helper()
	found := csrfInput.FindStringSubmatch(b.get(page).Body)
	if found == nil {
		b.t.Fatalf("%s has no form with a CSRF token", page)
	}
	return found[1]
}

// signIn signs in as one of the helpdesk's agents.
func (b *browser) signIn(agent string) {
	b.t.Helper()
	answer := b.submit("/accounts/login/", "/accounts/login/", url.Values{"username": {agent}, "password": {"helpdesk"}})
	if answer.Status != http.StatusFound {
		b.t.Fatalf("signing in as %s: status %d\n%s", agent, answer.Status, answer.Body)
	}
}

// cookies are what a WebSocket's handshake sends.
func (b *browser) cookies() string {
	r := http.Request{Header: http.Header{}}
	for _, cookie := range b.client.Jar.Cookies(b.base) {
		r.AddCookie(cookie)
	}
	return r.Header.Get("Cookie")
}

// readUntil reads until what was read satisfies enough, and returns it.
func readUntil(r io.Reader, enough func(string) bool) (string, error) {
	var read bytes.Buffer
	buffer := make([]byte, 4096)
	for !enough(read.String()) {
		n, err := r.Read(buffer)
		read.Write(buffer[:n])
		if err != nil && !enough(read.String()) {
			return read.String(), errors.Join(errors.New("the stream ended early"), err)
		}
	}
	return read.String(), nil
}
