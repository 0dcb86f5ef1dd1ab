package flask_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/flask"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

func TestRandomSessionsAreReadAsFlaskReadsThem(t *testing.T) {
	t.Parallel()
	m, s := startFlask(t, nil, nil), reader(t, flask.Config{}, nil)
	states := map[session.State]int{}
	for seed := range 800 {
		made := m.do("make", object{"seed": seed})
		header := "session=" + made["cookie"].(string)
		got := resolve(s, header)
		m.agree(got, header, func(session.Outcome) bool { return false })
		states[got.State]++
		if got.State != session.Known {
			continue
		}
		text, err := json.Marshal(got.Principal.Session["claim"])
		must(t, err)
		var here, there any
		must(t, json.Unmarshal(text, &here))
		must(t, json.Unmarshal([]byte(made["claim"].(string)), &there))
		if diff := cmp.Diff(there, here); diff != "" {
			t.Errorf("seed %d: claim (-Flask +here):\n%s", seed, diff)
		}
		if left := time.Until(got.Principal.Expires); left < 30*24*time.Hour || left > 31*24*time.Hour {
			t.Errorf("ends in %s", left)
		}
	}
	t.Log(states)
	if states[session.Known] < 300 || states[session.Anonymous] < 30 {
		t.Error("too few to mean something")
	}
}

func TestDamagedCookiesAreReadAsFlaskReadsThem(t *testing.T) {
	t.Parallel()
	m, s := startFlask(t, nil, nil), reader(t, flask.Config{}, nil)
	random := rand.New(rand.NewPCG(1, 2))
	doubted := 0
	doubt := func(got session.Outcome) bool {
		doubted++
		return got.Reason == session.AmbiguousCookie || strings.Contains(got.Err.Error(), "spelled") || strings.Contains(got.Err.Error(), "UTF-8")
	}
	known := 0
	for i := range 60 {
		cookie := m.login(i)
		for range 60 {
			header := damage(random, "a=b; session="+cookie+"; c=d", `session.=; "_-+/A\,`+"\t\xa0\xc2\xe9")
			if random.IntN(4) == 0 { // only the signature
				end := strings.LastIndexByte(cookie, '.')
				header = "session=" + cookie[:end+1] + damage(random, cookie[end+1:], `=AQ-_+/!`)
			}
			got := resolve(s, header)
			m.agree(got, header, doubt)
			if got.State == session.Known {
				known++
			}
		}
	}
	t.Logf("%d of 3600 damaged headers are still the user's, %d are in doubt", known, doubted)
	if known < 30 || doubted < 3 {
		t.Error("too few to mean something")
	}
}

// Whatever a key of the monolith signed.
func TestSignedDataIsReadAsFlaskReadsIt(t *testing.T) {
	t.Parallel()
	m, s := startFlask(t, nil, nil), reader(t, flask.Config{}, nil)
	random := rand.New(rand.NewPCG(3, 4))
	strange := 0
	doubt := func(got session.Outcome) bool { strange++; return got.Reason == session.Undecodable }
	known := 0
	for range 2000 {
		data := damage(random, `{"_user_id":"alice","x":{" t":[1,"é",null,{" di":{" b__":{" b":"AAEC"}}}]}}`, `{}[]",:01ae._ \`)
		header := "session=" + m.sign(base64.RawURLEncoding.EncodeToString([]byte(data)), nil)
		got := resolve(s, header)
		m.agree(got, header, doubt)
		if got.Err != nil {
			silent(t, got.Err.Error(), data)
		}
		if got.State == session.Known {
			known++
		}
	}
	t.Logf("%d of 2000 are the user's, %d are read by Flask only", known, strange)
	if known < 100 || strange > 200 {
		t.Error("that means little")
	}
	for data, want := range map[string]session.Reason{
		`{"_user_id":"5"}`: "", `{"_user_id":5}`: "", `{"_user_id":"a","_user_id":"5"}`: "", `{" di":{"_user_id__":"5"}}`: "", `{"_user_id":"5","n":NaN}`: "",
		`{"_user_id":{" u":"00000000000000000000000000000005"}}`: "", `{"_user_id":{" m":"5"}}`: "",
		`{}`: session.NoUser, `{"_user_id":null}`: session.NoUser, `{"_User_id":"5"}`: session.NoUser,
		`{"_user_id":5.0}`: session.Undecodable, `{"_user_id":[5]}`: session.Undecodable, `[]`: session.Undecodable, `{"_user_id":"5"}x`: session.Undecodable, `x`: session.Undecodable,
		`{"_user_id":"5","x":{" u":"5"}}`: session.Undecodable, `{"_user_id":"5","x":"` + "\xff" + `"}`: session.Undecodable, "\"\"": session.Undecodable,
	} {
		header := "session=" + m.sign(base64.RawURLEncoding.EncodeToString([]byte(data)), nil)
		got := resolve(s, header)
		if got.Reason != want {
			t.Errorf("%s: %s %q %v", data, got.State, got.Reason, got.Err)
		}
		m.agree(got, header, func(session.Outcome) bool { return data == `[]` || data == `""` }) // an empty session to Flask
	}
	bomb := m.do("make", object{"id": "5", "values": object{"x": strings.Repeat("a", 3<<20)}})["cookie"].(string)
	expect(t, resolve(s, "session="+bomb), session.Unavailable, session.Undecodable)
	expect(t, resolve(s, "session="+strings.Repeat("x", 20<<10)), session.Unavailable, session.Unsupported)
}

// The cookie is found as Werkzeug finds it.
func TestCookieAsFlaskReadsIt(t *testing.T) {
	t.Parallel()
	m, s := startFlask(t, nil, nil), reader(t, flask.Config{}, nil)
	cookie, other := m.login("1"), m.login("2")
	for _, header := range []string{
		"session=" + cookie, "a; session = " + cookie + " ; b=c", `session="` + cookie + `"`, "session=" + cookie + "; session=" + cookie, "session=", "session", "Session=" + cookie,
		"xsession=" + cookie, "session=" + cookie + ",b", `x="a\054b"; session=` + cookie, `x="a"b; session=` + cookie, "session==" + cookie, "session=\t" + cookie, "session=%41" + cookie,
		`x=a"b; session=` + cookie, `session=` + cookie + `"`, "=" + cookie, "session=" + cookie + "; session", ";;session=" + cookie + ";;",
	} {
		got := resolve(s, header)
		m.agree(got, header, func(session.Outcome) bool { return header == "session="+cookie+"; session" })
	}
	for _, header := range []string{
		"session=" + cookie + "; session=" + other, "session; session=" + cookie, `x="; session=` + cookie, `x="\"; session=` + cookie + `; y="`, `session="\` + cookie + `"`,
		"\u00a0session=" + cookie, "session\u00a0=" + other + "; session=" + cookie,
	} {
		expect(t, resolve(s, header), session.Unavailable, session.AmbiguousCookie)
	}
	value, known, ok := s.Cookie(http.Header{"Cookie": {"session=" + cookie, "session=" + other}})
	if ok || value != "" || known.Reason != session.AmbiguousCookie {
		t.Errorf("two headers: %v", known)
	}
	expect(t, resolve(s, ""), session.Anonymous, session.NoCookie)
}

func TestKeysSaltAndDigest(t *testing.T) {
	t.Parallel()
	m := startFlask(t, object{"SECRET_KEY": oldKey, "SESSION_COOKIE_NAME": "app"}, object{"salt": "other-salt", "digest": "sha256"})
	header := "app=" + m.login("5")
	base := flask.Config{SecretKeys: []string{secretKey, oldKey}, CookieName: "app", Salt: "other-salt", Digest: flask.SHA256}
	expect(t, resolve(reader(t, base, nil), header), session.Known, "")
	for _, change := range []func(*flask.Config){
		func(c *flask.Config) { c.SecretKeys = []string{secretKey} }, func(c *flask.Config) { c.Salt = "" },
		func(c *flask.Config) { c.Digest = flask.SHA1 }, func(c *flask.Config) { c.Digest = flask.SHA512 },
	} {
		config := base
		change(&config)
		expect(t, resolve(reader(t, config, nil), header), session.Anonymous, session.BadSignature)
	}
	config := base
	config.User = "claim.id"
	got := resolve(reader(t, config, nil), "app="+m.do("make", object{"values": object{"claim": object{"id": 7}}})["cookie"].(string))
	expect(t, got, session.Known, "")
	if got.Principal == nil || got.Principal.Subject != "7" {
		t.Errorf("%+v", got.Principal)
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	m := startFlask(t, object{"PERMANENT_SESSION_LIFETIME": 3600}, nil)
	s := reader(t, flask.Config{Lifetime: time.Hour}, nil)
	now := time.Now().Unix()
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"_user_id":"5"}`))
	for at, want := range map[int64]session.Reason{now - 3590: "", now - 3605: session.Expired, now + 100: session.Undecodable, 0: session.Expired, 1 << 62: session.Undecodable} {
		header := "session=" + m.sign(payload, object{"at": at})
		got := resolve(s, header)
		if got.Reason != want {
			t.Errorf("%d: %s %q", at-now, got.State, got.Reason)
		}
		m.agree(got, header, func(session.Outcome) bool { return at > now }) // Flask refuses it
	}
	// To the second: whole seconds are compared.
	start := time.Unix(1_700_000_000, 999e6)
	cookie := m.sign(payload, object{"at": start.Unix()})
	for after, want := range map[time.Duration]session.Reason{0: "", time.Hour: "", time.Hour + 2*time.Millisecond: session.Expired} {
		old, err := flask.New(flask.Config{SecretKeys: []string{secretKey}, Lifetime: time.Hour}, nil, func() time.Time { return start.Add(after) })
		must(t, err)
		if got := resolve(old, "session="+cookie); got.Reason != want {
			t.Errorf("%s: %s %q", after, got.State, got.Reason)
		}
	}
	noTime := m.sign(payload, nil)
	noTime = noTime[:strings.LastIndexByte(noTime, '.')]
	expect(t, resolve(s, "session="+noTime), session.Anonymous, session.BadSignature)
}

// Who is not in the table any more, or not active, is nobody at once.
func TestUserTableEndsSessions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "db.sqlite3")
	m := startFlask(t, nil, object{"users": file})
	m.do("sql", object{"statement": "insert into user values (1, 'a@example.com', true), (2, 'b@example.com', true), (3, null, false)"})
	db, dialect, err := sqldb.Open("sqlite://" + file)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	users, err := flask.NewUsers(db, dialect, flask.UserTable{Active: "active", Columns: []string{"email"}})
	must(t, err)
	s := reader(t, flask.Config{}, users)
	same := func(id string, state session.State, reason session.Reason) {
		t.Helper()
		header := "session=" + m.do("make", object{"values": object{"_user_id": id}})["cookie"].(string)
		got := resolve(s, header)
		expect(t, got, state, reason)
		m.agree(got, header, never)
		if state == session.Known && got.Principal.User["email"] != "a@example.com" {
			t.Errorf("%+v", got.Principal)
		}
	}
	steps := func(id string) []string {
		var trace session.Trace
		value, _, _ := s.Cookie(http.Header{"Cookie": {"session=" + m.do("make", object{"values": object{"_user_id": id}})["cookie"].(string)}})
		s.Open(session.Traced(t.Context(), &trace), value)
		return trace.Steps
	}
	same("1", session.Known, "")
	if want := "the user's row agrees"; !slices.Contains(steps("1"), want) || slices.Contains(steps("99"), want) {
		t.Errorf("the steps are %q for a user, %q for one who is gone", steps("1"), steps("99"))
	}
	same("3", session.Anonymous, session.UserInactive)
	same("99", session.Anonymous, session.UserGone)
	same("x", session.Unavailable, session.Undecodable)
	m.do("sql", object{"statement": "update user set active = false where id = 1"})
	same("1", session.Anonymous, session.UserInactive)
	m.do("sql", object{"statement": "delete from user where id = 2"})
	same("2", session.Anonymous, session.UserGone)
	header := "session=" + m.do("make", object{"values": object{"_user_id": "1"}})["cookie"].(string)
	m.do("sql", object{"statement": "drop table user"})
	got := resolve(s, header)
	expect(t, got, session.Unavailable, session.StoreFailed)
	silent(t, got.Err.Error(), header)
	if _, err := flask.NewUsers(db, dialect, flask.UserTable{Table: "user; drop table x"}); err == nil {
		t.Error("a strange table is taken")
	}
}

// Flask-Login may sign in by its remember cookie, so nobody is anonymous with one.
func TestRememberCookieIsLeftToTheMonolith(t *testing.T) {
	t.Parallel()
	m, s := startFlask(t, nil, nil), reader(t, flask.Config{}, nil)
	made := m.do("make", object{"id": "5", "remember": true})
	cookie, remember := "session="+made["cookie"].(string), "remember_token="+made["remember"].(string)
	expect(t, resolve(s, remember+"; "+cookie), session.Known, "")
	nobodys := "session=" + m.do("make", object{"values": object{"claim": 1}})["cookie"].(string)
	expect(t, resolve(s, nobodys), session.Anonymous, session.NoUser)
	for _, header := range []string{remember, remember + "; " + nobodys, remember + "; " + cookie + "x"} {
		expect(t, resolve(s, header), session.Unavailable, session.Unsupported)
		if user := m.do("who", object{"header": []byte(header)})["user"]; user != "5" {
			t.Errorf("%q: Flask sees %v", header, user)
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	key := []string{secretKey}
	for _, config := range []flask.Config{
		{}, {SecretKeys: []string{secretKey, ""}}, {SecretKeys: key, Lifetime: -1}, {SecretKeys: key, Digest: 9}, {SecretKeys: key, User: "a."}, {SecretKeys: key, Claims: []string{""}},
	} {
		if _, err := flask.New(config, nil, time.Now); err == nil {
			t.Errorf("%+v is taken", config)
		} else {
			silent(t, err.Error(), secretKey)
		}
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	expect(t, reader(t, flask.Config{}, nil).Open(canceled, "a.b.c"), session.Unavailable, session.TimedOut)
}
