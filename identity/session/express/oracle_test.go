package express_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/express"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

var (
	_ session.Reader = (*express.Sessions)(nil)
	_ session.Reader = (*express.CookieSessions)(nil)
)

const (
	secret    = "kJ8#9!-schlüssel-4411"
	oldSecret = "Zx77&-vorher-2020"
)

// object is a JSON object.
type object = map[string]any

// application is a real Express; see testdata/oracle.js.
type application struct {
	t    testing.TB
	in   io.Writer
	out  *bufio.Reader
	lock sync.Mutex
	name string
}

// startExpress starts one with settings; without redis it has cookie-session.
func startExpress(tb testing.TB, settings object) *application {
	tb.Helper()
	name := "session"
	if settings["redis"] != nil {
		name = "connect.sid"
	}
	all := object{"secrets": []string{secret}, "name": name}
	for key, value := range settings {
		all[key] = value
	}
	command := testbed.FindNode(tb).Command(tb.Context(), "testdata/oracle.js")
	in, err := command.StdinPipe()
	must(tb, err)
	out, err := command.StdoutPipe()
	must(tb, err)
	var stderr strings.Builder
	command.Stderr = &stderr
	must(tb, command.Start())
	a := &application{t: tb, in: in, out: bufio.NewReaderSize(out, 1<<20), name: name}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
		if tb.Failed() && stderr.Len() > 0 {
			tb.Log(stderr.String())
		}
	})
	a.do("start", all)
	return a
}

// do does one thing and answers what came of it.
func (a *application) do(what string, with object) object {
	a.t.Helper()
	a.lock.Lock()
	defer a.lock.Unlock()
	command := object{"do": what}
	for key, value := range with {
		command[key] = value
	}
	line, err := json.Marshal(command)
	must(a.t, err)
	_, err = a.in.Write(append(line, '\n'))
	must(a.t, err)
	answer, err := a.out.ReadBytes('\n')
	if err != nil {
		a.t.Fatalf("%s: node ended: %v", what, err)
	}
	var out object
	must(a.t, json.Unmarshal(answer, &out))
	if failed := out["error"]; failed != nil {
		a.t.Fatalf("%s: %v", what, failed)
	}
	return out
}

// made is a session that the application made.
type made struct {
	header, sid string
	id, claim   string // JSON
}

// make makes a session: with a user's ID, with none (nil), or random.
func (a *application) make(with object) made {
	a.t.Helper()
	answer := a.do("make", with)
	set, _ := answer["set"].(object)
	pairs := make([]string, 0, len(set))
	for name, value := range set {
		pairs = append(pairs, name+"="+value.(string))
	}
	slices.Sort(pairs)
	out := made{header: strings.Join(pairs, "; ")}
	out.sid, _ = answer["sid"].(string)
	out.id, _ = answer["id"].(string)
	out.claim, _ = answer["claim"].(string)
	return out
}

// reader makes the part under test.
func reader(tb testing.TB, config express.Config, redis *rediskv.Client) *express.Sessions {
	tb.Helper()
	if config.Secrets == nil {
		config.Secrets = []string{secret}
	}
	config.Identity.Claims = []string{"claim"}
	s, err := express.New(config, redis, time.Now)
	must(tb, err)
	return s
}

func cookieReader(tb testing.TB, keys ...string) *express.CookieSessions {
	tb.Helper()
	if keys == nil {
		keys = []string{secret}
	}
	s, err := express.NewCookie(express.CookieConfig{Keys: keys, Identity: express.Identity{Claims: []string{"claim"}}})
	must(tb, err)
	return s
}

func redisClient(tb testing.TB, address string) *rediskv.Client {
	tb.Helper()
	client, err := rediskv.Open("redis://" + address + "/0")
	must(tb, err)
	tb.Cleanup(func() { must(tb, client.Close()) })
	return client
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func resolve(s session.Reader, header string) session.Outcome {
	value, known, ok := s.Cookie(http.Header{"Cookie": {header}})
	if !ok {
		return known
	}
	return s.Open(context.Background(), value)
}

// subject is the ID that a principal must have for the application's user, in
// JSON; empty for what must not become one.
func subject(id string) string {
	var value any
	if json.Unmarshal([]byte(id), &value) != nil {
		return ""
	}
	switch value := value.(type) {
	case string:
		if !strings.ContainsRune(value, '\ufffd') {
			return value
		}
	case float64:
		if value == float64(int64(value)) {
			return strconv.FormatInt(int64(value), 10)
		}
	}
	return ""
}

// seen is whom the application sees.
func (a *application) seen(header string) (id string, failed bool) {
	a.t.Helper()
	answer := a.do("who", object{"header": []byte(header)})
	user, _ := answer["user"].(object)
	id, _ = user["id"].(string)
	return id, answer["failed"] != nil
}

// agree fails the test when the application sees another than the reader: a
// principal is its user, anonymous is anonymous. doubt is what else the reader may
// find unavailable than what the application fails at and users without an ID.
func (a *application) agree(got session.Outcome, header string, doubt func(session.Outcome) bool) {
	a.t.Helper()
	id, failed := a.seen(header)
	switch {
	case got.State == session.Known && (failed || got.Principal.Subject != subject(id)):
		a.t.Errorf("%q: user %q; Express sees %s, failed %t", header, got.Principal.Subject, id, failed)
	case got.State == session.Anonymous && (failed || id != ""):
		a.t.Errorf("%q: anonymous, %s; Express sees %s, failed %t", header, got.Reason, id, failed)
	case got.State == session.Unavailable && !failed && (id == "" || subject(id) != "") && !doubt(got):
		a.t.Errorf("%q: unavailable, %s, %v; Express sees %s", header, got.Reason, got.Err, id)
	}
	if got.Err != nil {
		silent(a.t, got.Err.Error(), header)
	}
}

// silent fails the test when an error quotes eight characters of a session.
func silent(tb testing.TB, text, secret string) {
	tb.Helper()
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+8]) {
			tb.Errorf("%q quotes %q", text, secret)
			return
		}
	}
}

func never(session.Outcome) bool { return false }

// sameClaim fails the test when a principal's claim is not what was stored.
func sameClaim(tb testing.TB, got session.Outcome, want string) {
	tb.Helper()
	if got.State != session.Known {
		return
	}
	text, err := json.Marshal(got.Principal.Session["claim"])
	must(tb, err)
	var here, there any
	must(tb, json.Unmarshal(text, &here))
	must(tb, json.Unmarshal([]byte(want), &there))
	if diff := cmp.Diff(there, here); diff != "" {
		tb.Errorf("claim (-Express +here):\n%s", diff)
	}
}

// damage changes a text in a few places.
func damage(random *rand.Rand, text, alphabet string) string {
	data := []byte(text)
	for range 1 + random.IntN(3) {
		at := random.IntN(len(data) + 1)
		other := alphabet[random.IntN(len(alphabet))]
		switch {
		case random.IntN(3) == 0 || at == len(data):
			data = slices.Insert(data, at, other)
		case random.IntN(2) == 0:
			data[at] = other
		default:
			if data = slices.Delete(data, at, min(len(data), at+1+random.IntN(3))); len(data) == 0 {
				return " "
			}
		}
	}
	return string(data)
}

// expect fails the test when the outcome is another.
func expect(tb testing.TB, got session.Outcome, state session.State, reason session.Reason) {
	tb.Helper()
	if got.State != state || got.Reason != reason {
		tb.Errorf("%s %q (%v); want %s %q", got.State, got.Reason, got.Err, state, reason)
	}
}
