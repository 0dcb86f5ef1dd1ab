package express_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session"
)

func TestRandomCookieSessionsAreReadAsTheirApplicationReadsThem(t *testing.T) {
	t.Parallel()
	a, s := startExpress(t, nil), cookieReader(t)
	states := map[session.State]int{}
	for range 600 {
		m := a.make(object{"random": true})
		got := resolve(s, m.header)
		a.agree(got, m.header, never)
		sameClaim(t, got, m.claim)
		states[got.State]++
	}
	t.Log(states)
	if states[session.Known] < 200 || states[session.Anonymous] < 50 {
		t.Error("too few to mean something")
	}
}

func TestDamagedCookieSessionsAreReadAsTheirApplicationReadsThem(t *testing.T) {
	t.Parallel()
	a, s := startExpress(t, nil), cookieReader(t)
	random := rand.New(rand.NewPCG(5, 6))
	ambiguous := func(got session.Outcome) bool { return got.Reason == session.AmbiguousCookie }
	known := 0
	for i := range 60 {
		m := a.make(object{"id": i})
		for range 50 {
			header := damage(random, "a=b; "+m.header+"; c=d", `session.sig=; "aB-_+/%`+"\t\xa0\xe9")
			got := resolve(s, header)
			a.agree(got, header, ambiguous)
			if got.State == session.Known {
				known++
			}
		}
	}
	t.Logf("%d of 3000 damaged headers are still the user's", known)
	if known < 50 {
		t.Error("too few to mean something")
	}
}

// Whatever a key of the application signed.
func TestSignedDataIsReadAsCookieSessionReadsIt(t *testing.T) {
	t.Parallel()
	a, s := startExpress(t, nil), cookieReader(t)
	random := rand.New(rand.NewPCG(7, 8))
	known := 0
	check := func(value string) session.Outcome {
		signature := a.do("grip", object{"value": []byte(value), "secret": secret})["signature"].(string)
		header := "session=" + value + "; session.sig=" + signature
		got := resolve(s, header)
		// It begins a new session where we leave it to the application to say so.
		a.agree(got, header, func(got session.Outcome) bool { return got.Reason == session.Undecodable })
		if got.State == session.Known {
			known++
		}
		return got
	}
	text := func(data string) string { return base64.StdEncoding.EncodeToString([]byte(data)) }
	for range 1000 {
		check(text(damage(random, `{"passport":{"user":"alice"},"x":[1,"é",null]}`, `{}[]",:01ae.\u`)))
	}
	expect(t, check(text(`{"passport":{"user":0}}`)), session.Known, "")
	expect(t, check(text(`{}`)), session.Anonymous, session.NoUser)
	expect(t, check(text(`{"__proto__":{"passport":{"user":1}}}`)), session.Anonymous, session.NoUser)
	for _, value := range []string{"%", "e30", text("null"), text("[1]"), text("5"), text("\xff{}"), "\xe9", strings.Repeat("A", 100)} {
		expect(t, check(value), session.Unavailable, session.Undecodable)
	}
	t.Log(known)
	if known < 50 {
		t.Error("too few to mean something")
	}
}

func TestCookiesOfCookieSession(t *testing.T) {
	t.Parallel()
	a, s := startExpress(t, object{"secrets": []string{oldSecret}}), cookieReader(t, secret, oldSecret)
	m := a.make(object{"id": "alice"})
	signature, data, _ := strings.Cut(m.header, "; ")
	for _, header := range []string{
		m.header, signature + ";" + data, signature + ";   " + data, signature + ";\t" + data, data, signature, "session=; session.sig=x", data + "; Session.sig=" + signature[12:], `session="; ` + strings.Replace(signature, "session", "other", 1),
		strings.Replace(data, "=", `="`, 1) + `"; ` + signature, strings.Replace(data, "=", `="`, 1) + `x; ` + signature, data + " ; " + signature,
		data + "; " + signature + "=", data + "; session.sig=", "x" + data + "; " + signature,
		"session =" + data[8:] + "; " + signature, data + "; sessionXsig" + signature[11:],
	} {
		a.agree(resolve(s, header), header, never)
	}
	expect(t, resolve(s, m.header), session.Known, "")
	expect(t, resolve(cookieReader(t), m.header), session.Anonymous, session.BadSignature)
	expect(t, resolve(s, m.header+"; session=x"), session.Unavailable, session.AmbiguousCookie)
	expect(t, resolve(s, "session.sig=x; "+m.header), session.Unavailable, session.AmbiguousCookie)
}
