package php_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/php"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/unserialize"
	"github.com/strangler-proxy/strangler/identity/session/unserialize/unserializetest"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

var handlers = []php.Handler{php.PHP, php.PHPSerialize, php.PHPBinary}

// script runs testdata/sessions.php with settings of php.ini.
func script(t *testing.T, settings map[string]string, stdin string, args ...string) []string {
	t.Helper()
	all := make([]string, 0, 2*len(settings)+1+len(args))
	for name, value := range settings {
		all = append(all, "-d", fmt.Sprintf("%s=%q", name, value)) // in quotes: a ; would begin a comment
	}
	command := exec.CommandContext(t.Context(), testbed.PHPCommand(t), append(append(all, "testdata/sessions.php"), args...)...)
	command.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func files(tb testing.TB, config php.FilesConfig) *php.Files {
	tb.Helper()
	f, err := php.NewFiles(config)
	must(tb, err)
	return f
}

func redis(tb testing.TB, address, prefix string) *php.Redis {
	tb.Helper()
	client, err := rediskv.Open("redis://" + address + "/0")
	must(tb, err)
	tb.Cleanup(func() { must(tb, client.Close()) })
	return php.NewRedis(client, prefix)
}

func reader(tb testing.TB, config php.Config, store php.Store, now func() time.Time) *php.Sessions {
	tb.Helper()
	s, err := php.New(config, store, now)
	must(tb, err)
	return s
}

func cookie(id string) http.Header { return http.Header{"Cookie": {"a=b; PHPSESSID=" + id}} }

func expect(tb testing.TB, got session.Outcome, state session.State, reason session.Reason) {
	tb.Helper()
	if got.State != state || got.Reason != reason {
		tb.Errorf("%s %q (%v); want %s %q", got.State, got.Reason, got.Err, state, reason)
	}
}

// Random sessions that PHP wrote with each handler: the variables are the same,
// and so is the user.
func TestSessionsAreReadAsPHPWroteThem(t *testing.T) {
	t.Parallel()
	const count = 400
	for _, handler := range handlers {
		for _, depth := range []int{0, 2} {
			t.Run(fmt.Sprintf("%s %d", handler, depth), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				savePath := dir
				if depth > 0 {
					savePath = fmt.Sprintf("%d;0600;%s", depth, dir)
					levels(t, dir, depth)
				}
				lines := script(t, map[string]string{"session.save_path": savePath, "session.serialize_handler": handler.String()}, "", "make", fmt.Sprint(count), "3")
				s := reader(t, php.Config{Handler: handler, Claims: []session.Path{{"auth", "id"}}}, files(t, php.FilesConfig{SavePath: savePath}), time.Now)
				for i, line := range lines {
					id, want, _ := strings.Cut(line, " ")
					data, err := os.ReadFile(filepath.Join(dir, filepath.Join(strings.Split(id[:depth], "")...), "sess_"+id))
					must(t, err)
					vars, err := handler.Decode(string(data))
					if err != nil || unserializetest.Notation(vars) != want {
						t.Fatalf("%q\nhere %s %v\nPHP  %s", data, unserializetest.Notation(vars), err, want)
					}
					got := s.Resolve(context.Background(), cookie(id))
					expect(t, got, session.Known, "")
					if p := got.Principal; p != nil && (p.Subject != fmt.Sprint(i+1) || p.Session["auth.id"] != "u"+p.Subject) {
						t.Errorf("%+v; want user %d", p, i+1)
					}
				}
			})
		}
	}
}

// levels makes the folders that PHP wants to be there.
func levels(t *testing.T, dir string, depth int) {
	t.Helper()
	for _, c := range "0123456789abcdef" {
		level := filepath.Join(dir, string(c))
		must(t, os.Mkdir(level, 0o700))
		if depth > 1 {
			levels(t, level, depth-1)
		}
	}
}

// Damaged sessions: what is accepted, PHP accepts, with the same variables; what
// PHP destroys is anonymous, and nothing else is.
func TestDamagedSessionsAreJudgedAsPHPJudgesThem(t *testing.T) {
	t.Parallel()
	for _, handler := range handlers {
		t.Run(handler.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			settings := map[string]string{"session.save_path": dir, "session.serialize_handler": handler.String()}
			var whole []string
			for _, line := range script(t, settings, "", "make", "200", "5") {
				id, _, _ := strings.Cut(line, " ")
				data, err := os.ReadFile(filepath.Join(dir, "sess_"+id))
				must(t, err)
				whole = append(whole, string(data))
			}
			random := rand.New(rand.NewPCG(3, uint64(handler)))
			const count = 4000
			inputs, ids, opened := make([]string, count), make([]string, count), make([]session.Outcome, count)
			s := reader(t, php.Config{Handler: handler}, files(t, php.FilesConfig{SavePath: dir}), time.Now)
			for i := range count {
				inputs[i], ids[i] = unserializetest.Damage(random, whole[random.IntN(len(whole))]), fmt.Sprintf("damaged%d", i)
				must(t, os.WriteFile(filepath.Join(dir, "sess_"+ids[i]), []byte(inputs[i]), 0o600))
				opened[i] = s.Open(context.Background(), ids[i]) // before PHP destroys it
			}
			judge(t, handler, inputs, opened, script(t, settings, strings.Join(ids, "\n")+"\n", "judge"))
		})
	}
}

func judge(t *testing.T, handler php.Handler, inputs []string, opened []session.Outcome, wants []string) {
	t.Helper()
	same, refused, opaque, unavailable := 0, 0, 0, 0
	for i, want := range wants {
		vars, err := handler.Decode(inputs[i])
		got := opened[i]
		switch {
		case err == nil && strings.Contains(inputs[i], ":\"") && hasObject(inputs[i]): // only PHP knows what a class makes of it
			opaque++
		case err == nil && want != "error" && want[0] != '[': // $_SESSION is no array: it has no user
			expect(t, got, session.Anonymous, session.NoUser)
		case err == nil && unserializetest.Notation(vars) != want:
			t.Errorf("%q\nhere %s\nPHP  %s", inputs[i], unserializetest.Notation(vars), want)
		case err == nil:
			same++
			user, _ := unserialize.Lookup(vars, []string{"user_id"})
			if id, ok := user.(int64); ok && id != 0 && (got.State != session.Known || got.Principal.Subject != fmt.Sprint(id)) {
				t.Errorf("%q: %+v", inputs[i], got)
			}
		case errors.Is(err, unserialize.ErrUnsupported):
			expect(t, got, session.Unavailable, session.Undecodable)
			unavailable++
		case want != "error":
			t.Errorf("%q\nhere %v\nPHP  %s", inputs[i], err, want)
		case got.State == session.Unavailable:
			unavailable++
		default:
			expect(t, got, session.Anonymous, session.NoSession)
			refused++
		}
	}
	t.Logf("of %d: %d the same, %d anonymous in both, %d with objects, %d unavailable that PHP destroys", len(wants), same, refused, opaque, unavailable)
	if same < 100 || refused < 500 || unavailable > len(wants)/50 {
		t.Error("too few to mean something, or too many unavailable")
	}
}

func hasObject(data string) bool {
	for _, kind := range []string{"O:", "C:", "E:"} {
		if strings.Contains(data, kind) {
			return true
		}
	}
	return false
}

// app talks to the real application.
type app struct {
	t testing.TB
	*testbed.Program
}

// who asks PHP itself, with a Cookie header as it is.
func (a app) who(header string) string {
	a.t.Helper()
	conn, err := net.Dial("tcp", a.Address)
	must(a.t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /who HTTP/1.0\r\nHost: localhost\r\nCookie: %s\r\n\r\n", header)
	must(a.t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(a.t, err)
	body, err := io.ReadAll(response.Body)
	must(a.t, err)
	if response.StatusCode != http.StatusOK {
		a.t.Fatalf("%q: %s", header, response.Status)
	}
	return string(body)
}

// post submits a form and answers the session cookie.
func (a app) post(path, session string, form url.Values) (id string) {
	a.t.Helper()
	request, err := http.NewRequest(http.MethodPost, a.URL(path), strings.NewReader(form.Encode()))
	must(a.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if session != "" {
		request.Header.Set("Cookie", "PHPSESSID="+session)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	must(a.t, err)
	must(a.t, response.Body.Close())
	for _, c := range response.Cookies() {
		id = c.Value
	}
	return id
}

func (a app) login(name, session string) string {
	a.t.Helper()
	return a.post("/login", session, url.Values{"name": {name}, "password": {"secret"}})
}

// same fails the test when PHP sees another user than the reader.
func (a app) same(s *php.Sessions, header string) session.Outcome {
	a.t.Helper()
	got := s.Resolve(context.Background(), http.Header{"Cookie": {header}})
	want := a.who(header)
	switch {
	case got.State == session.Anonymous && want != "":
		a.t.Errorf("%q: anonymous: %s; PHP sees %s", header, got.Reason, want)
	case got.State == session.Known && got.Principal.Subject != want:
		a.t.Errorf("%q: user %s; PHP sees %q", header, got.Principal.Subject, want)
	}
	return got
}
