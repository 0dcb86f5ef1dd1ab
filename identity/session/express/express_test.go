package express_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/express"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// bed is an application with its Redis, and the part under test.
type bed struct {
	*application
	server *testbed.Program
	redis  *redis.Client
	reader *express.Sessions
}

func newBed(t *testing.T, settings object) *bed {
	t.Helper()
	server := testbed.StartRedis(t)
	all := object{"redis": "redis://" + server.Address + "/0"}
	for key, value := range settings {
		all[key] = value
	}
	client := redis.NewClient(&redis.Options{Addr: server.Address})
	t.Cleanup(func() { must(t, client.Close()) })
	return &bed{startExpress(t, all), server, client, reader(t, express.Config{}, redisClient(t, server.Address))}
}

func TestRandomSessionsAreReadAsExpressReadsThem(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	states := map[session.State]int{}
	for range 600 {
		m := b.make(object{"random": true})
		got := resolve(b.reader, m.header)
		b.agree(got, m.header, never)
		sameClaim(t, got, m.claim)
		states[got.State]++
	}
	t.Log(states)
	if states[session.Known] < 200 || states[session.Anonymous] < 50 {
		t.Error("too few to mean something")
	}
}

// What the cookie header may look like after a few changes.
const damaging = `s:%3Aa.;= "+/,\	` + "\xa0\xc2\xc3\xa9" + `%41connect.sid=`

func TestDamagedCookiesAreReadAsExpressReadsThem(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	random := rand.New(rand.NewPCG(1, 2))
	ambiguous := func(got session.Outcome) bool { return got.Reason == session.AmbiguousCookie }
	known, doubts := 0, 0
	for i := range 60 {
		m := b.make(object{"id": i})
		for range 50 {
			header := damage(random, "a=b; "+m.header+"; c=d", damaging)
			got := resolve(b.reader, header)
			b.agree(got, header, ambiguous)
			switch got.State {
			case session.Known:
				known++
			case session.Unavailable:
				doubts++
			case session.Anonymous:
			}
		}
	}
	t.Logf("%d of 3000 damaged headers are still the user's, %d are in doubt", known, doubts)
	if known < 50 || doubts > 100 {
		t.Error("that means little")
	}
}

// What Redis holds may be anything that shares the prefix.
func TestDamagedDataIsReadAsExpressReadsIt(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	random := rand.New(rand.NewPCG(3, 4))
	doubted := map[string]int{}
	known, data := 0, ""
	// JavaScript makes something of bytes that are no UTF-8, and of any cookie member that is not null.
	doubt := func(got session.Outcome) bool {
		doubted[got.Err.Error()]++
		return !utf8.ValidString(data) || strings.Contains(got.Err.Error(), "cookie member")
	}
	ctx := context.Background()
	for i := range 40 {
		m := b.make(object{"id": i * 3})
		stored := b.redis.Get(ctx, "sess:"+m.sid).Val()
		for range 50 {
			data = damage(random, stored, `{}[]",:01ae.\u`+"\xc3\xa9"+` `)
			must(t, b.redis.Set(ctx, "sess:"+m.sid, data, time.Hour).Err())
			got := resolve(b.reader, m.header)
			b.agree(got, m.header, doubt)
			if got.Err != nil {
				silent(t, got.Err.Error(), strings.ReplaceAll(data, "passport", ""))
			}
			if got.State == session.Known {
				known++
			}
		}
	}
	t.Log(known, doubted)
	if known < 100 {
		t.Error("too few to mean something")
	}
}

// Each header is read as Express reads it.
func TestCookieAsExpressReadsIt(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	m := b.make(object{"id": 7})
	value := strings.TrimPrefix(m.header, "connect.sid=")
	plain, err := url.PathUnescape(value)
	must(t, err)
	for _, header := range []string{
		m.header, "connect.sid=" + plain, `connect.sid="` + value + `"`, `connect.sid="` + value, `connect.sid=` + value + `"`, "a; connect.sid \t=\t" + value + " ; b=c",
		"connect.sid=" + value + "; connect.sid=" + value, "connect.sid=", `connect.sid="`, `connect.sid=""`, "connect.sid", "Connect.sid=" + value, "xconnect.sid=" + value,
		"connect.sid==" + value, "connect.sid=" + value + "%", "connect.sid=" + plain + "%2", "connect.sid=" + strings.Replace(value, "%3A", "%3a", 1),
		"connect.sid=s:.x", "connect.sid=s:", "connect.sid=s:x", "connect.sid=j:{}", "connect.sid=%F0%9F%98%80", "connect.sid=%ED%A0%80", "connect.sid=" + value + ",b",
		"connect.sid=" + strings.ReplaceAll(value, "%2B", "%2b"), "connect.sid=" + plain + "=", "=" + value, "connect.sid=\xe9" + value,
	} {
		b.agree(resolve(b.reader, header), header, never)
	}
	expect(t, resolve(b.reader, "connect.sid=x; "+m.header), session.Unavailable, session.AmbiguousCookie)
	expect(t, resolve(b.reader, "connect.sid=; "+m.header), session.Unavailable, session.AmbiguousCookie)
	expect(t, resolve(b.reader, "\xa0connect.sid=x; "+m.header), session.Unavailable, session.AmbiguousCookie)
	for lines, want := range map[*[]string]session.State{
		{m.header, "a=b"}: session.Known, {"connect.sid=x", m.header}: session.Unavailable, {}: session.Anonymous,
	} {
		value, got, ok := b.reader.Cookie(http.Header{"Cookie": *lines})
		if ok {
			got = b.reader.Open(context.Background(), value)
		}
		if got.State != want {
			t.Errorf("%q: %s", *lines, got.State)
		}
	}
}

// IDs of a genid of the application's own: the signature is after the last dot,
// and its text is compared.
func TestAnyIDIsSigned(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := context.Background()
	for i, sid := range []string{"a.b.c", "tenant:1/é€😀", "with blank", "%41", ".", "..x", `"q"`, strings.Repeat("long", 200)} {
		must(t, b.redis.Set(ctx, "sess:"+sid, fmt.Sprintf(`{"cookie":{},"passport":{"user":%d}}`, i+1), time.Hour).Err())
		header := "connect.sid=" + b.do("sign", object{"sid": sid, "secret": secret})["cookie"].(string)
		got := resolve(b.reader, header)
		expect(t, got, session.Known, "")
		b.agree(got, header, never)
	}
	header := "connect.sid=" + b.do("sign", object{"sid": "a.b.c", "secret": "another"})["cookie"].(string)
	expect(t, resolve(b.reader, header), session.Anonymous, session.BadSignature)
}

func TestSecretsAndPrefix(t *testing.T) {
	t.Parallel()
	b := newBed(t, object{"secrets": []string{oldSecret}, "prefix": "app:"})
	m := b.make(object{"id": "u"})
	client := redisClient(t, b.server.Address)
	for want, config := range map[session.Reason]express.Config{
		"":                   {Secrets: []string{secret, oldSecret}, Prefix: "app:"},
		session.BadSignature: {Secrets: []string{secret}, Prefix: "app:"},
		session.NoSession:    {Secrets: []string{oldSecret}},
		session.NoCookie:     {Secrets: []string{oldSecret}, CookieName: "sid"},
	} {
		state := session.Anonymous
		if want == "" {
			state = session.Known
		}
		expect(t, resolve(reader(t, config, client), m.header), state, want)
	}
	bare := newBed(t, object{"prefix": ""})
	m = bare.make(object{"id": "u"})
	expect(t, resolve(reader(t, express.Config{NoPrefix: true}, redisClient(t, bare.server.Address)), m.header), session.Known, "")
}

// The life of a session, each step by Express' own code.
func TestWhatEndsASession(t *testing.T) {
	t.Parallel()
	b := newBed(t, object{"maxAge": 3600_000, "rolling": true})
	ctx := context.Background()
	m := b.make(object{"id": "alice"})
	got := resolve(b.reader, m.header)
	expect(t, got, session.Known, "")
	if left := time.Until(got.Principal.Expires); left < 59*time.Minute || left > time.Hour+time.Minute {
		t.Errorf("ends in %s", left)
	}

	// A session that is used and not changed outlives its cookie.expires.
	key := "sess:" + m.sid
	stored := b.redis.Get(ctx, key).Val()
	must(t, b.redis.Expire(ctx, key, time.Minute).Err())
	b.agree(resolve(b.reader, m.header), m.header, never)
	if b.redis.Get(ctx, key).Val() != stored || b.redis.TTL(ctx, key).Val() < 59*time.Minute {
		t.Error("connect-redis' touch now writes the session, too; is cookie.expires right then?")
	}
	past := `{"cookie":{"originalMaxAge":3600000,"expires":"2020-01-01T00:00:00.000Z"},"passport":{"user":"alice"}}`
	must(t, b.redis.Set(ctx, key, past, time.Hour).Err())
	got = resolve(b.reader, m.header)
	expect(t, got, session.Known, "")
	b.agree(got, m.header, never)
	must(t, b.redis.Set(ctx, key, past, 0).Err())
	expect(t, resolve(b.reader, m.header), session.Unavailable, session.Expired)

	m = b.make(object{"id": "alice"})
	b.do("logout", object{"header": []byte(m.header)})
	expect(t, resolve(b.reader, m.header), session.Anonymous, session.NoSession)
	b.agree(resolve(b.reader, m.header), m.header, never)
}

// What the framework answers 500 to is unavailable; what it takes for none is none.
func TestStoredData(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	m := b.make(object{"id": "alice"})
	for data, want := range map[string]session.Reason{
		`{"cookie":{},"passport":{"user":"bob"}}`: "", ` {"cookie":{},"passport":{"user":"bob"}} `: "", `{"cookie":{"expires":false},"passport":{"user":0}}`: "",
		`{"cookie":{},"passport":{"user":"a"},"passport":{"user":"bob"}}`: "", `{"cookie":{},"p\u0061ssport":{"user":"bob"}}`: "",
		`{"cookie":{},"__proto__":{"passport":{"user":"bob"}}}`: session.NoUser, `{"cookie":{},"passport":{"__proto__":{"user":"bob"}}}`: session.NoUser,
		`{"cookie":{},"Passport":{"user":"bob"}}`: session.NoUser, `{"cookie":{},"passport":["user"]}`: session.NoUser, `{"cookie":{},"passport":"user"}`: session.NoUser,
		`{"cookie":{},"passport":{"user":""}}`: session.NoUser, `{"cookie":{},"passport":{"user":null}}`: session.NoUser, `{"cookie":{},"passport":null}`: session.NoUser,
		`{"cookie":{},"passport":{"user":-0}}`: "", ``: session.NoSession, `null`: session.NoSession, `false`: session.NoSession, `""`: session.NoSession, `0`: session.NoSession,
		` `: session.Undecodable, `{"passport":{"user":"bob"}}`: session.Undecodable, `{"cookie":null,"passport":{"user":"bob"}}`: session.Undecodable,
		`[]`: session.Undecodable, `5`: session.Undecodable, `"x"`: session.Undecodable, `{`: session.Undecodable, `{"cookie":{}}{}`: session.Undecodable, `{"cookie":5}`: session.Undecodable,
		`{"cookie":{},"passport":{"user":{"id":5}}}`: session.Undecodable, `{"cookie":{},"passport":{"user":9007199254740993}}`: session.Undecodable,
	} {
		must(t, b.redis.Set(context.Background(), "sess:"+m.sid, data, time.Hour).Err())
		got := resolve(b.reader, m.header)
		if got.Reason != want {
			t.Errorf("%s: %s %q %v", data, got.State, got.Reason, got.Err)
		}
		b.agree(got, m.header, func(session.Outcome) bool { return strings.Contains(data, "9007199254740993") })
	}
	must(t, b.redis.Del(context.Background(), "sess:"+m.sid).Err())
	must(t, b.redis.LPush(context.Background(), "sess:"+m.sid, "x").Err())
	expect(t, resolve(b.reader, m.header), session.Unavailable, session.StoreFailed)
}

// Redis down or hanging is no logout.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	m := b.make(object{"id": "alice"})
	value, _, _ := b.reader.Cookie(http.Header{"Cookie": {m.header}})
	b.server.Freeze()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	expect(t, b.reader.Open(ctx, value), session.Unavailable, session.TimedOut)
	b.server.Thaw()
	expect(t, b.reader.Open(context.Background(), value), session.Known, "")
	b.server.Kill()
	got := b.reader.Open(context.Background(), value)
	expect(t, got, session.Unavailable, session.StoreFailed)
	silent(t, got.Err.Error(), m.header)
	canceled, stop := context.WithCancel(context.Background())
	stop()
	expect(t, b.reader.Open(canceled, value), session.Unavailable, session.TimedOut)
}

// What the documentation says a Redis user needs is all that is asked.
func TestRedisUserThatCanDoNothingElse(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	m := b.make(object{"id": "alice"})
	must(t, b.redis.Do(context.Background(), "acl", "setuser", "reader", "on", ">pass", "~sess:*", "+getrange", "+pttl").Err())
	client, err := rediskv.Open("redis://reader:pass@" + b.server.Address + "/0")
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	expect(t, resolve(reader(t, express.Config{}, client), m.header), session.Known, "")
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, config := range []express.Config{
		{}, {Secrets: []string{""}}, {Secrets: []string{secret, ""}}, {Secrets: []string{secret}, Identity: express.Identity{User: "a..b"}},
		{Secrets: []string{secret}, Identity: express.Identity{User: "id"}}, {Secrets: []string{secret}, Identity: express.Identity{Claims: []string{"__proto__.a"}}},
	} {
		if _, err := express.New(config, nil, time.Now); err == nil {
			t.Errorf("%+v is taken", config)
		} else {
			silent(t, err.Error(), secret)
		}
	}
	if _, err := express.NewCookie(express.CookieConfig{}); err == nil {
		t.Error("no keys are taken")
	}
}
