package flask_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/flask"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

var _ session.Reader = (*flask.Sessions)(nil)

const (
	secretKey = "kJ8#9!-schlüssel-4411"
	oldKey    = "Zx77&-vorher-2020"
)

// object is a JSON object.
type object = map[string]any

// monolith is a real Flask; see testdata/monolith.py. It is for one goroutine.
type monolith struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader
}

// startFlask starts one with settings, and what else its start takes.
func startFlask(tb testing.TB, settings, with object) *monolith {
	tb.Helper()
	all := object{"SECRET_KEY": secretKey, "SESSION_COOKIE_NAME": "session"}
	for key, value := range settings {
		all[key] = value
	}
	command := exec.CommandContext(tb.Context(), testbed.FlaskPython(tb), "-W", "ignore", "testdata/monolith.py")
	in, err := command.StdinPipe()
	must(tb, err)
	out, err := command.StdoutPipe()
	must(tb, err)
	var stderr strings.Builder
	command.Stderr = &stderr
	must(tb, command.Start())
	m := &monolith{t: tb, in: in, out: bufio.NewReader(out)}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
		if tb.Failed() && stderr.Len() > 0 {
			tb.Log(stderr.String())
		}
	})
	start := object{"settings": all}
	for key, value := range with {
		start[key] = value
	}
	m.do("start", start)
	return m
}

// do does one thing and answers what came of it.
func (m *monolith) do(what string, with object) object {
	m.t.Helper()
	command := object{"do": what}
	for key, value := range with {
		command[key] = value
	}
	line, err := json.Marshal(command)
	must(m.t, err)
	_, err = m.in.Write(append(line, '\n'))
	must(m.t, err)
	answer, err := m.out.ReadBytes('\n')
	if err != nil {
		m.t.Fatalf("%s: Flask ended: %v", what, err)
	}
	var out object
	must(m.t, json.Unmarshal(answer, &out))
	if failed := out["error"]; failed != nil {
		m.t.Fatalf("%s: %v", what, failed)
	}
	return out
}

// login answers the cookie of a new session of a user.
func (m *monolith) login(id any) string {
	m.t.Helper()
	return m.do("make", object{"id": id})["cookie"].(string)
}

// sign signs a payload as Flask would, now or at a time.
func (m *monolith) sign(payload string, with object) string {
	m.t.Helper()
	command := object{"payload": []byte(payload)}
	for key, value := range with {
		command[key] = value
	}
	return m.do("sign", command)["cookie"].(string)
}

func reader(tb testing.TB, config flask.Config, users *flask.Users) *flask.Sessions {
	tb.Helper()
	if config.SecretKeys == nil {
		config.SecretKeys = []string{secretKey}
	}
	config.Claims = []string{"claim"}
	s, err := flask.New(config, users, time.Now)
	must(tb, err)
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func resolve(s *flask.Sessions, header string) session.Outcome {
	value, known, ok := s.Cookie(http.Header{"Cookie": {header}})
	if !ok {
		return known
	}
	return s.Open(context.Background(), value)
}

// agree fails the test when Flask sees another user than the reader: a principal
// is its user, anonymous is anonymous. doubt is what else the reader may find
// unavailable than what Flask fails at and users whose ID is no text or integer.
func (m *monolith) agree(got session.Outcome, header string, doubt func(session.Outcome) bool) {
	m.t.Helper()
	answer := m.do("who", object{"header": []byte(header)})
	id, signedIn := answer["user"].(string)
	kind, failed := answer["kind"], answer["failed"] != nil
	usable := signedIn && id != "" && !strings.ContainsRune(id, '\ufffd') && (kind == "str" || kind == "int" && len(id) < 20 || kind == "UUID" || kind == "Markup")
	switch {
	case got.State == session.Known && (!usable || got.Principal.Subject != id):
		m.t.Errorf("%q: user %q; Flask: %v", header, got.Principal.Subject, answer)
	case got.State == session.Anonymous && (failed || signedIn):
		m.t.Errorf("%q: anonymous, %s; Flask: %v", header, got.Reason, answer)
	case got.State == session.Unavailable && !failed && (!signedIn || usable) && !doubt(got):
		m.t.Errorf("%q: unavailable, %s, %v; Flask: %v", header, got.Reason, got.Err, answer)
	}
	if got.Err != nil {
		silent(m.t, got.Err.Error(), header)
	}
}

func never(session.Outcome) bool { return false }

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
