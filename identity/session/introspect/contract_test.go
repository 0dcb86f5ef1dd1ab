package introspect_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/introspect"
)

// answering is a monolith that answers one thing.
func answering(tb testing.TB, status int, body string, headers ...string) string {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

var cookie = http.Header{"Cookie": {"sessionid=S3CR3T"}}

func TestStatuses(t *testing.T) {
	t.Parallel()
	const alice = `{"active":true,"sub":"42"}`
	for name, test := range map[string]struct {
		status int
		body   string
		state  session.State
		reason session.Reason
	}{
		"known":               {200, alice, session.Known, ""},
		"inactive":            {200, `{"active":false,"sub":""}`, session.Anonymous, session.NoUser},
		"over":                {200, `{"active":true,"sub":"42","exp":1}`, session.Anonymous, session.Expired},
		"401":                 {401, "", session.Anonymous, session.NoUser},
		"403":                 {403, alice, session.Unavailable, session.Refused},
		"429":                 {429, alice, session.Unavailable, session.StoreFailed},
		"500":                 {500, alice, session.Unavailable, session.StoreFailed},
		"503":                 {503, "", session.Unavailable, session.StoreFailed},
		"204":                 {204, "", session.Unavailable, session.Misconfigured},
		"302":                 {302, alice, session.Unavailable, session.Misconfigured},
		"400":                 {400, alice, session.Unavailable, session.Misconfigured},
		"404":                 {404, alice, session.Unavailable, session.Misconfigured},
		"a page":              {200, "<html>S3CR3T</html>", session.Unavailable, session.Misconfigured},
		"nothing":             {200, "", session.Unavailable, session.Misconfigured},
		"more than 64 KiB":    {200, alice + strings.Repeat(" ", 64<<10), session.Unavailable, session.Misconfigured},
		"just 64 KiB":         {200, alice + strings.Repeat(" ", 64<<10-len(alice)), session.Known, ""},
		"401 of a huge body":  {401, strings.Repeat("x", 1<<20), session.Anonymous, session.NoUser},
		"something behind it": {200, alice + alice, session.Unavailable, session.Misconfigured},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := reader(t, introspect.Config{URL: answering(t, test.status, test.body, "Location", "/login", "Set-Cookie", "sessionid=new")})
			got := resolve(s, cookie)
			expect(t, got, test.state, test.reason)
			if test.state != session.Unavailable {
				return
			}
			if got.Err == nil || strings.Contains(got.Err.Error(), "S3CR3T") {
				t.Fatalf("the error is %v", got.Err)
			}
			if wrong := "it wants another secret (bearer)"; strings.Contains(got.Err.Error(), wrong) != (test.status == http.StatusNotFound) {
				t.Errorf("the error is %v", got.Err) // the documented view answers a wrong secret so
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"active":true,"sub":"42","x":{"y":[1,{"z":null}]}}`: "",
		`{"active":false}`:                     "",
		`{"active":false,"sub":7}`:             "",
		`{}`:                                   "without active",
		`null`:                                 "no JSON",
		`[]`:                                   "no JSON",
		`{"Active":true,"sub":"42"}`:           "without active",
		`{"active":"true","sub":"42"}`:         "active",
		`{"active":true}`:                      "without sub",
		`{"active":true,"sub":null}`:           "without sub",
		`{"active":true,"sub":""}`:             "member sub",
		`{"active":true,"sub":42}`:             "member sub",
		`{"active":true,"sub":"42","sub":"1"}`: "twice",
		`{"active":true,"active":true,"sub":"42"}`:                                                 "twice",
		`{"active":true,"sub":"42","x":{"a":1,"\u0061":2}}`:                                        "twice",
		`{"active":false,"active":true,"sub":"42"}`:                                                "twice",
		`{"active":true,"sub":"42","claims":{"sub":"1"}}`:                                          "registered",
		`{"active":true,"sub":"42","claims":{"aud":"x"}}`:                                          "registered",
		`{"active":true,"sub":"42","claims":{"user_id":1}}`:                                        "registered",
		`{"active":true,"sub":"42","claims":[]}`:                                                   "member claims",
		`{"active":true,"sub":"42","act":{}}`:                                                      "member act",
		`{"active":true,"sub":"42","act":"7"}`:                                                     "member act",
		`{"active":true,"sub":"42","act":{"sub":""}}`:                                              "member act",
		`{"active":true,"sub":"42","exp":"1"}`:                                                     "member exp",
		`{"active":true,"sub":"42","exp":-1}`:                                                      "member exp",
		`{"active":true,"sub":"42","exp":1e300}`:                                                   "member exp",
		`{"active":true,"sub":"42","roles":"admin"}`:                                               "member roles",
		`{"active":true,"sub":"42","amr":[1]}`:                                                     "member amr",
		`{"active":true,"sub":"42","epoch":1.5}`:                                                   "member epoch",
		"{\"active\":true,\"sub\":\"42\xff\"}":                                                     "no JSON",
		`{"active":true,"sub":"42","x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`: "too deep",
	} {
		_, _, err := introspect.Parse([]byte(body))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", body, err, want)
		}
	}
}

func TestWhatAPrincipalCarries(t *testing.T) {
	t.Parallel()
	p, active, err := introspect.Parse([]byte(`{"active":true,"sub":"42","sid":"s","username":"alice","auth_time":1000.5,"exp":2000,"act":{"sub":"7","x":1},
		"acr":"gold","amr":["pwd","otp"],"roles":["staff"],"scopes":[],"epoch":3,"claims":{"plan":"big","n":12345678901234567890,"on":true,"list":[1]}}`))
	want := session.Principal{
		Subject: "42", Backend: "introspection", Expires: time.Unix(2000, 0), AuthTime: time.Unix(1000, 0), Methods: []string{"pwd", "otp"}, Class: "gold", Actor: "7",
		Session: map[string]any{"sid": "s"},
		User: map[string]any{
			"username": "alice", "roles": []string{"staff"}, "scopes": []string{}, "epoch": int64(3),
			"plan": "big", "n": json.Number("12345678901234567890"), "on": true, "list": json.RawMessage("[1]"),
		},
	}
	if err != nil || !active || !reflect.DeepEqual(p, want) {
		t.Errorf("%v %v\n%+v\n%+v", active, err, p, want)
	}
}

func TestHowLongAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "private": 0, "max-age=5": 5 * time.Second, "private, max-age=3": 3 * time.Second, `MAX-AGE="7"`: 7 * time.Second,
		"no-store": -1, "max-age=5, no-store": -1, "No-Cache": -1, "max-age=0": -1, "max-age=-1": -1, "max-age=x": -1, "max-age": -1,
		"max-age=5, max-age=3": 3 * time.Second, "s-maxage=9": 0, "x=no-store": 0, "max-age=99999999999999999999": -1,
	} {
		if got := introspect.Keep(http.Header{"Cache-Control": {text}}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	body := `{"active":true,"sub":"42"}`
	none := reader(t, introspect.Config{URL: answering(t, 200, body, "Cache-Control", "no-store")})
	if got := resolve(none, cookie); got.State != session.Known || got.Keep >= 0 {
		t.Errorf("%+v", got)
	}
	two := reader(t, introspect.Config{URL: answering(t, 401, "", "Cache-Control", "max-age=9", "Cache-Control", "no-store")})
	if got := resolve(two, cookie); got.State != session.Anonymous || got.Keep >= 0 {
		t.Errorf("%+v", got)
	}
}

// Only what the configuration names leaves, and it is all in the value.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	sent := make(chan *http.Request, 9)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent <- r
		_, _ = fmt.Fprint(w, `{"active":true,"sub":"42"}`)
	}))
	t.Cleanup(server.Close)
	s := reader(t, introspect.Config{
		URL: server.URL + "/_introspect?from=proxy", Cookies: []string{"sid", "sid.sig"}, Bearer: "own", Headers: []string{"user-agent", "X-Client-IP", "X-Tenant"},
	})
	header := http.Header{
		"Cookie": {"a=b;sid.sig=two ; sid=one=; csrftoken=c"}, "Authorization": {"Bearer client"}, "X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Host": {"evil"},
		"X-Client-Ip": {"192.0.2.7"}, "X-Tenant": {"a", "b"}, "User-Agent": {"browser"}, "X-Strangler-Introspect": {"0"}, "Accept": {"text/html"},
		"Content-Type": {"text/plain"}, "X-Http-Method-Override": {"DELETE"},
	}
	expect(t, resolve(s, header), session.Known, "")
	got := <-sent
	want := http.Header{
		"Accept": {"application/json"}, "Authorization": {"Bearer own"}, "Cookie": {"sid=one=; sid.sig=two"}, "User-Agent": {"browser"},
		"X-Client-Ip": {"192.0.2.7"}, "X-Strangler-Introspect": {"1"}, "X-Tenant": {"a, b"},
	}
	if !reflect.DeepEqual(got.Header, want) || got.Method != http.MethodGet || got.RequestURI != "/_introspect?from=proxy" || got.ContentLength != 0 {
		t.Errorf("%s %s %v", got.Method, got.RequestURI, got.Header)
	}
	value, _, _ := s.Cookie(header)
	for name, change := range map[string]func(http.Header){
		"a cookie": func(h http.Header) { h.Set("Cookie", "sid=other; sid.sig=two") }, "one less": func(h http.Header) { h.Set("Cookie", "sid=one=") },
		"the address": func(h http.Header) { h.Set("X-Client-IP", "192.0.2.8") }, "a header less": func(h http.Header) { h.Del("User-Agent") },
		"moved": func(h http.Header) { h.Set("X-Tenant", "192.0.2.7"); h.Set("X-Client-IP", "a, b") },
	} {
		other := header.Clone()
		change(other)
		if changed, _, ok := s.Cookie(other); !ok || changed == value {
			t.Errorf("%s does not change the value", name)
		}
	}
	other := header.Clone()
	other.Set("Cookie", "csrftoken=another; sid=one=; sid.sig=two")
	other.Set("Accept-Language", "de")
	if same, _, ok := s.Cookie(other); !ok || same != value {
		t.Error("what is not sent changes the value")
	}
}

func TestCookieHeaders(t *testing.T) {
	t.Parallel()
	s := reader(t, introspect.Config{URL: "http://127.0.0.1:9/", Cookies: []string{"sid"}, Headers: []string{"X-Tenant"}})
	for name, test := range map[string]struct {
		lines  []string
		value  string
		reason session.Reason
	}{
		"alone":               {[]string{"sid=x"}, "sid=x\n", ""},
		"among others":        {[]string{"a=b; \tsid=x ;c"}, "sid=x\n", ""},
		"twice the same":      {[]string{"sid=x; sid=x"}, "sid=x\n", ""},
		"none":                {nil, "", session.NoCookie},
		"empty":               {[]string{"sid="}, "", session.NoCookie},
		"twice, differing":    {[]string{"sid=x; sid=y"}, "", session.AmbiguousCookie},
		"twice, spelled":      {[]string{"sid=x; sid =x"}, "", session.AmbiguousCookie},
		"in one of two lines": {[]string{"a=b", "sid=x"}, "", session.AmbiguousCookie},
		"a line end":          {[]string{"sid=x\nX-Tenant: y"}, "", session.Undecodable},
		"a zero":              {[]string{"sid=x\x00"}, "", session.Undecodable},
	} {
		value, known, ok := s.Cookie(http.Header{"Cookie": test.lines})
		if value != test.value || known.Reason != test.reason || ok != (test.reason == "") {
			t.Errorf("%s: %q, %+v, %v", name, value, known, ok)
		}
	}
}

// Nobody listens for a moment: the question is asked again, within the deadline.
func TestConnectionsAreTriedAgain(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	s := reader(t, introspect.Config{URL: "http://" + address + "/?token=S3CR3T"})
	got := resolve(s, cookie)
	expect(t, got, session.Unavailable, session.StoreFailed)
	if strings.Contains(got.Err.Error(), "S3CR3T") {
		t.Errorf("the error has a secret: %v", got.Err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	value, _, _ := s.Cookie(cookie)
	expect(t, s.Open(canceled, value), session.Unavailable, session.TimedOut)
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"active":true,"sub":"%d"}`, len(r.TLS.PeerCertificates))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	own := reader(t, introspect.Config{URL: server.URL, TLS: func() *tls.Config {
		return &tls.Config{RootCAs: trusted, Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}
	}})
	if got := resolve(own, cookie); got.State != session.Known || got.Principal.Subject != "1" {
		t.Errorf("%+v", got)
	}
	without := reader(t, introspect.Config{URL: server.URL, TLS: func() *tls.Config { return &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12} }})
	expect(t, resolve(without, cookie), session.Unavailable, session.StoreFailed)
	unknown := reader(t, introspect.Config{URL: server.URL})
	got := resolve(unknown, cookie)
	expect(t, got, session.Unavailable, session.StoreFailed)
	if !strings.Contains(fmt.Sprint(got.Err), "certificate") {
		t.Errorf("it does not say why: %v", got.Err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	right := introspect.Config{URL: "https://monolith.internal/_introspect", Cookies: []string{"sid"}}
	for want, change := range map[string]func(*introspect.Config){
		"absolute URL": func(c *introspect.Config) { c.URL = "/_introspect" }, "without a user": func(c *introspect.Config) { c.URL = "https://user:S3CR3T@host/" },
		"names of": func(c *introspect.Config) { c.Cookies = nil }, "of a cookie": func(c *introspect.Config) { c.Cookies = []string{"a b"} },
		"twice": func(c *introspect.Config) { c.Cookies = []string{"a", "a"} }, "timeout": func(c *introspect.Config) { c.Timeout = -1 },
		"blanks": func(c *introspect.Config) { c.Bearer = "S3CR3T and" }, "name of a header": func(c *introspect.Config) { c.Headers = []string{"X_Tenant"} },
		"Authorization is never": func(c *introspect.Config) { c.Headers = []string{"authorization"} },
		"X-Forwarded-For is":     func(c *introspect.Config) { c.Headers = []string{"x-forwarded-for"} },
	} {
		config := right
		change(&config)
		if _, err := introspect.New(config, time.Now); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) || strings.Contains(err.Error(), "S3CR3T") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// FuzzAnswer holds that an answer is believed only when it has one subject, and
// that no error quotes it.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		`{"active":true,"sub":"42"}`, `{"active":false}`, `{"active":true,"sub":"42","act":{"sub":"7"},"claims":{"a":[{}]},"amr":["x"],"exp":1.5}`, `{"active":true,"sub":"4","sub":"5"}`, `[`, `{"a":{"b":1,"b":2}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, active, err := introspect.Parse(text)
		switch {
		case err != nil && len(text) > 64 && strings.Contains(err.Error(), string(text)):
			t.Fatalf("%q is in its error", text)
		case err != nil || !active:
			return
		case p.Subject == "":
			t.Fatalf("%q: nobody is known", text)
		}
		var plain struct {
			Active bool   `json:"active"`
			Sub    string `json:"sub"`
		}
		_ = json.Unmarshal(text, &plain)
		if strings.Count(strings.ToLower(string(text)), `"sub"`) == 1 && strings.Count(strings.ToLower(string(text)), `"active"`) == 1 && !bytes.Contains(text, []byte(`\`)) && plain.Sub != p.Subject {
			t.Fatalf("%q: %q, %q", text, p.Subject, plain.Sub)
		}
	})
}

// FuzzValue holds that two requests have one value only when they send the same.
func FuzzValue(f *testing.F) {
	s, err := introspect.New(introspect.Config{URL: "http://127.0.0.1:9/", Cookies: []string{"a", "b"}, Headers: []string{"X-One", "X-Two"}}, time.Now)
	must(f, err)
	f.Add("a=1; b=2", "x", "y", "a=1; b=2", "x\n", "y")
	f.Add("a=1", "", "x", "a=1", "x", "")
	f.Fuzz(func(t *testing.T, cookie, one, two, cookie2, one2, two2 string) {
		first, _, ok := s.Cookie(http.Header{"Cookie": {cookie}, "X-One": {one}, "X-Two": {two}})
		second, _, fine := s.Cookie(http.Header{"Cookie": {cookie2}, "X-One": {one2}, "X-Two": {two2}})
		if ok && fine && first == second && (one != one2 || two != two2) {
			t.Fatalf("%q %q and %q %q are %q", one, two, one2, two2, first)
		}
	})
}

func BenchmarkCookie(b *testing.B) {
	for name, headers := range map[string][]string{"one cookie": nil, "two headers": {"User-Agent", "X-Client-IP"}} {
		b.Run(name, func(b *testing.B) {
			s := reader(b, introspect.Config{URL: "http://127.0.0.1:9/", Headers: headers})
			header := http.Header{"Cookie": {"csrftoken=abcdefghijklmnopqrstuvwxyz012345; sessionid=abcdefghijklmnopqrstuvwxyz012345"}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64)"}, "X-Client-Ip": {"192.0.2.7"}}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := s.Cookie(header); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"active":true,"sub":"42","username":"alice","exp":2000000000,"roles":["staff"],"claims":{"plan":"big"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := introspect.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
