package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// knowing is a service that believes nobody but the issuer: it verifies the token
// of each request by the published keys, with a library of others, and answers
// with what it says.
type knowing struct {
	*httptest.Server
	proxy string // where the issuer is

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
}

func newKnowing(t *testing.T) *knowing {
	t.Helper()
	k := new(knowing)
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", "knowing-service")
		if r.Header.Get("Cookie") != "" && strings.Contains(r.Header.Get("Cookie"), "sessionid") {
			http.Error(w, "the session came along", http.StatusInternalServerError)
			return
		}
		claims, err := k.verify(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(claims)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *knowing) verify(r *http.Request) (claims map[string]any, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.verifier == nil {
		provider, err := oidc.NewProvider(context.Background(), "http://"+k.proxy)
		if err != nil {
			return nil, err
		}
		k.verifier = provider.Verifier(&oidc.Config{ClientID: "desk"})
	}
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	verified, err := k.verifier.Verify(r.Context(), text)
	if err != nil {
		return nil, err
	}
	err = verified.Claims(&claims)
	return claims, err
}

// known is a proxy in front of Django and a service that must know its users.
type known struct {
	t        *testing.T
	desk     *testbed.Helpdesk
	proxy    *testbed.Strangler
	service  *knowing
	database string
}

func startKnown(t *testing.T) *known {
	t.Helper()
	k := &known{t: t, desk: testbed.StartHelpdesk(t), service: newKnowing(t)}
	k.database = k.desk.Database()
	k.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		k.service.proxy = address
		return testbed.Caddyfile(address, admin, `identity {
			issuer http://`+address+`
			bound 1s
			sessions django {
				secret_key demo-key-that-protects-nothing
				engine db sqlite://`+k.database+`
				users {
					columns username email is_staff
				}
			}
		}`), `
targets: { monolith: { url: "http://` + k.desk.Address + `" }, s: { url: "` + k.service.URL + `" } }
monolith: monolith
routes:
  - { name: me, match: /me, service: s, percent: 100, owner: o, fallback: [connect], identity: { audience: desk, claims: { name: username, email: email, staff: is_staff } } }
`
	})
	return k
}

// person has a browser that keeps cookies.
type person struct {
	t      *testing.T
	client *http.Client
	base   string
}

func (k *known) browser() *person { return newPerson(k.t, "http://"+k.proxy.Address) }

func newPerson(t *testing.T, base string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, &http.Client{Jar: jar, Timeout: 20 * time.Second}, base}
}

var (
	aForm  = regexp.MustCompile(`(?i)<form`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// send sends a form of the monolith's, with what is hidden in it: a token.
func (b *person) send(page, action string, form url.Values) {
	b.t.Helper()
	_, _, text := b.get(page)
	if !aForm.MatchString(text) {
		b.t.Fatalf("%s has no form: %.300s", page, text)
	}
	for _, field := range hidden.FindAllStringSubmatch(text, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	response, err := b.client.PostForm(b.base+action, form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	// Until the last byte the monolith may be busy with the session.
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode >= http.StatusBadRequest {
		b.t.Fatalf("%s: %s %v", action, response.Status, err)
	}
}

func (b *person) login(name, password string) {
	b.t.Helper()
	b.send("/accounts/login/", "/accounts/login/", url.Values{"username": {name}, "password": {password}})
}

func (b *person) get(path string) (status int, by, text string) {
	b.t.Helper()
	response, err := b.client.Get(b.base + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("X-Served-By"), string(body)
}

// me is what the service knows of who asks; nil when the monolith answers.
func (b *person) me() map[string]any { return b.known("/me") }

// known is what the service of a path knows.
func (b *person) known(path string) map[string]any {
	b.t.Helper()
	status, by, text := b.get(path)
	if !strings.HasSuffix(by, "-service") {
		return nil
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(text), &claims); err != nil || status != http.StatusOK {
		b.t.Fatalf("%d %s: %v", status, text, err)
	}
	return claims
}

// manage runs Python in the monolith's project.
func (k *known) manage(code string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, testbed.Python(k.t), "manage.py", "shell", "-c", "from django.contrib.auth.models import User; "+code)
	cmd.Dir = filepath.Join("..", "..", "examples", "helpdesk", "monolith")
	cmd.Env = append(os.Environ(), "HELPDESK_DIR="+k.desk.Dir, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("%v\n%s", err, out)
	}
}

// TestTheMonolithsUsersAreTheServicesUsers walks through a session's life with
// the real Django, through the built binary.
func TestTheMonolithsUsersAreTheServicesUsers(t *testing.T) {
	t.Parallel()
	k := startKnown(t)
	anna := k.browser()
	if anna.me() != nil {
		t.Fatal("somebody is signed in")
	}
	anna.login("anna", "helpdesk")
	me := anna.me()
	if me == nil || me["name"] != "anna" || me["aud"] != "desk" || me["staff"] != false || me["sub"] == "anna" || me["iss"] != "http://"+k.proxy.Address {
		t.Fatalf("the service sees %v", me)
	}
	other := k.browser()
	other.login("bao", "helpdesk")
	if bao := other.me(); bao["name"] != "bao" || bao["sub"] == me["sub"] || bao["sid"] == me["sid"] {
		t.Fatalf("the service sees %v", bao)
	}

	anna.send("/tickets/", "/accounts/logout/", url.Values{})
	if me := anna.me(); me != nil {
		t.Fatalf("after the logout the service sees %v", me)
	}
	anna.login("anna", "helpdesk")
	within(t, k, anna, "user.set_password", `u = User.objects.get(username="anna"); u.set_password("another"); u.save()`)
	within(t, k, other, "is_active", `User.objects.filter(username="bao").update(is_active=False)`)

	chloe := k.browser()
	chloe.login("chloe", "helpdesk")
	if chloe.me() == nil {
		t.Fatal("chloe is not known")
	}
	if status := k.proxy.Status(t); status.Identity == nil || status.Identity.Sessions.Lookups["known"] == 0 || len(status.Identity.Keys) == 0 {
		t.Errorf("%+v", status.Identity)
	}
	noSecrets(t, k, chloe)
	reloaded(t, k, chloe)
	storeDown(t, k, chloe)
}

// reloaded holds that a reload with the same settings keeps what is known, and one
// with others takes them.
func reloaded(t *testing.T, k *known, b *person) {
	t.Helper()
	file := filepath.Join(k.proxy.Dir, "Caddyfile")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := k.proxy.Status(t).Identity
	if err := k.proxy.Reload(t, string(text)+"\n# again\n"); err != nil {
		t.Fatal(err)
	}
	if after := k.proxy.Status(t).Identity; after.Sessions.Lookups["known"] < before.Sessions.Lookups["known"] || after.Minted < before.Minted {
		t.Errorf("a reload lost what was known: %+v, before %+v", after, before)
	}
	if err := k.proxy.Reload(t, strings.Replace(string(text), "bound 1s", "bound 1100ms", 1)); err != nil {
		t.Fatal(err)
	}
	if b.me() == nil {
		t.Error("with other settings nobody is known")
	}
	after := k.proxy.Status(t).Identity
	if after.Keys[0].ID != before.Keys[0].ID || after.Minted != 1 {
		t.Errorf("other settings: %+v, before %+v", after, before)
	}
	if err := k.proxy.Reload(t, strings.Replace(string(text), "secret_key demo", "secret_key {env.NO_SUCH_KEY} demo", 1)); err == nil {
		t.Error("a bad block was taken")
	}
	if b.me() == nil {
		t.Error("after a refused reload nobody is known")
	}
}

// within holds a change that nobody tells the proxy of to the bound.
func within(t *testing.T, k *known, b *person, what, change string) {
	t.Helper()
	if b.me() == nil {
		t.Fatal("nobody is known before", what)
	}
	k.manage(change)
	done := time.Now()
	testbed.WaitFor(t, what+" is noticed", func() bool { return b.me() == nil })
	if took := time.Since(done); took > 2*time.Second {
		t.Errorf("%s was noticed after %s, with a bound of 1 s", what, took)
	}
}

// storeDown takes the table of sessions away: the monolith serves, as well as it
// can, and nobody is taken for signed out.
func storeDown(t *testing.T, k *known, b *person) {
	t.Helper()
	const rename = `from django.db import connection; connection.cursor().execute("alter table django_session rename to gone")`
	k.manage(rename)
	testbed.WaitFor(t, "the monolith serves without a store", func() bool { return b.me() == nil })
	k.proxy.WaitStatus(t, "the status says so", func(s engine.Status) bool {
		return s.Identity.Sessions.Store != "ok" && s.Identity.Sessions.Reason == "store_failed"
	})
	k.manage(strings.Replace(rename, "django_session rename to gone", "gone rename to django_session", 1))
	testbed.WaitFor(t, "the service serves again", func() bool { return b.me() != nil })
}

// noSecrets looks for the session in all that the proxy writes down.
func noSecrets(t *testing.T, k *known, b *person) {
	t.Helper()
	site, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(site) {
		if cookie.Name != "sessionid" {
			continue
		}
		digest := sha256.Sum256([]byte(cookie.Value))
		for _, secret := range []string{cookie.Value, fmt.Sprintf("%x", digest)} {
			holds(t, k, secret)
		}
	}
	holds(t, k, "demo-key-that-protects-nothing")
}

func holds(t *testing.T, k *known, secret string) {
	t.Helper()
	err := filepath.WalkDir(k.proxy.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "Caddyfile") {
			return err
		}
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), secret) {
			t.Errorf("%s holds a secret", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if strings.Contains(k.proxy.Log(), secret) {
		t.Error("the log holds a secret")
	}
}

// TestTheDemoShowsWhoIsSignedIn asks the demo's own service, by the demo's own
// files: a browser without a session is sent to log in, and comes back.
func TestTheDemoShowsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	k := &known{t: t, desk: testbed.StartHelpdesk(t)}
	k.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		tickets := testbed.StartTickets(t, k.desk.Database(), "-issuer", "http://"+address)
		return helpdesk.Config(helpdesk.Addresses{
			Proxy: address, Admin: admin, Monolith: k.desk.Address, FAQ: "127.0.0.1:1", Tickets: tickets.Address, Database: k.desk.Database(),
		})
	})
	anna := k.browser()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, anna.base+"/v1/me/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	response, err := anna.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got := response.Request.URL.RequestURI(); got != "/accounts/login/?next=%2Fv1%2Fme%2F" {
		t.Errorf("who is not signed in came to %s", got)
	}
	anna.send("/accounts/login/?next=%2Fv1%2Fme%2F", "/accounts/login/?next=%2Fv1%2Fme%2F", url.Values{"username": {"anna"}, "password": {"helpdesk"}})
	status, by, text := anna.get("/v1/me/")
	if status != http.StatusOK || by != "tickets-service" || !strings.Contains(text, "You are anna") {
		t.Errorf("%d by %s: %s", status, by, text)
	}
}
