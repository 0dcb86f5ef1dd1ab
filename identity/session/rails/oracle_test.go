package rails_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rails"
)

// keysOf are the members of random sessions, in this order.
var keysOf = []string{"user_id", "a", "b", "_csrf_token", "cart"}

// random makes a session: strange texts, deep values, large numbers.
func random(r *rand.Rand) object {
	out := object{"user_id": r.IntN(1 << 30)}
	for _, key := range keysOf[1:] {
		if r.IntN(3) > 0 {
			out[key] = randomValue(r, 3)
		}
	}
	return out
}

func randomValue(r *rand.Rand, depth int) any {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch r.IntN(kinds) {
	case 0:
		return randomText(r)
	case 1:
		return r.Int64() - r.Int64()
	case 2:
		return float64(r.IntN(1000)) / 8
	case 3:
		return r.IntN(2) == 0
	case 4:
		return nil
	case 5:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, depth-1)
		}
		return list
	}
	inner := object{}
	for range r.IntN(4) {
		inner[randomText(r)] = randomValue(r, depth-1)
	}
	return inner
}

func randomText(r *rand.Rand) string {
	pieces := []string{"", "a", "--", "%2B", "+", `"`, `\`, "<&>", "\u2028", "é", "\U0001f600", "\x00", "\n", "_rails", "2::", "x=y; "}
	var out strings.Builder
	for range r.IntN(6) {
		out.WriteString(pieces[r.IntN(len(pieces))])
	}
	return out.String()
}

// TestRandomSessions holds the values that are read to those that Rails wrote.
func TestRandomSessions(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]object{"gcm": nil, "cbc": {"gcm": false, "hash": "SHA256"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startRails(t, settings)
			r := rand.New(rand.NewPCG(1, 2))
			sessions := make([]object, 500)
			for i := range sessions {
				sessions[i] = random(r)
			}
			cookies := m.do("seal", object{"sessions": sessions})["cookies"].([]any)
			s := reader(t, rails.Config{Path: []string{"user_id"}, Claims: keysOf}, rails.CookieStore{}, nil, time.Now)
			for i, cookie := range cookies {
				got := resolve(s, cookieHeader(cookie.(string)))
				if got.State != session.Known || got.Principal.Subject != fmt.Sprint(sessions[i]["user_id"]) {
					t.Fatalf("%v: %s %s %v", sessions[i], got.State, got.Reason, got.Err)
				}
				for key, value := range sessions[i] {
					if value == nil {
						delete(sessions[i], key) // Rack drops nil members
					}
				}
				if want, have := normal(t, sessions[i]), normal(t, got.Principal.Session); !reflect.DeepEqual(have, want) {
					t.Fatalf("read %v, written %v", have, want)
				}
			}
		})
	}
}

// normal is a value as JSON has it.
func normal(t *testing.T, v any) (out any) {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	must(t, decoder.Decode(&out))
	return out
}

// TestMutatedCookies changes real cookies at random and holds the judgement of
// each to that of Rails, in both directions.
func TestMutatedCookies(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]object{"gcm": nil, "cbc": {"gcm": false}, "without metadata": {"metadata": false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startRails(t, settings)
			s := reader(t, rails.Config{Path: []string{"user_id"}}, rails.CookieStore{}, nil, time.Now)
			r := rand.New(rand.NewPCG(3, 4))
			cookies := m.do("seal", object{"sessions": []object{{"user_id": 7}, {"user_id": 8, "x": "y"}}})["cookies"].([]any)
			headers := make([]string, 3000)
			for i := range headers {
				headers[i] = mutated(r, cookies[i%2].(string), cookies[(i+1)%2].(string))
			}
			alike(t, m, s, headers)
		})
	}
}

// mutated answers a Cookie header that was right before.
func mutated(r *rand.Rand, cookie, other string) string {
	raw, _ := url.QueryUnescape(cookie)
	if r.IntN(2) == 0 {
		cookie = raw // the characters of base64 as they are; + is a blank then
	}
	at := func(text string) int { return r.IntN(len(text)) }
	for range 1 + r.IntN(2) {
		switch i := at(cookie); r.IntN(11) {
		case 0: // another character
			cookie = cookie[:i] + string("Aa0+/=-%; \r\tz_"[r.IntN(14)]) + cookie[i+1:]
		case 1: // one less
			cookie = cookie[:i] + cookie[i+1:]
		case 2: // one more
			cookie = cookie[:i] + string("A=-%2 \n"[r.IntN(7)]) + cookie[i:]
		case 3:
			cookie = cookie[:i] + "x"
		case 4: // parts of two cookies
			one, two := strings.Split(cookie, "--"), strings.Split(other, "--")
			if len(one) == len(two) {
				i := r.IntN(len(one))
				one[i] = two[i]
				cookie = strings.Join(one, "--")
			}
		case 5:
			cookie = strings.ReplaceAll(cookie, "%3D", "")
		case 6:
			cookie = strings.ReplaceAll(cookie, "%2B", "+")
		case 7:
			cookie = strings.ReplaceAll(cookie, "%2F", "/")
		case 8: // another spelling of the same
			cookie = strings.ReplaceAll(cookie, "-", "%2D")
		case 9:
			cookie = strings.ToLower(cookie[:i]) + cookie[i:]
		case 10:
			cookie += []string{"", "--", "--AAAA"}[r.IntN(3)]
		}
		if cookie == "" {
			cookie = "x"
		}
	}
	prefix := []string{"", "a=b; ", "a=b;", ";; ", "a; ", "x" + cookieName + "=1; ", " ", "\t"}[r.IntN(8)]
	between := []string{"=", "=", "=", "=", "=", " =", "= "}[r.IntN(7)]
	return prefix + cookieName + between + cookie + []string{"", "; z=1", ";"}[r.IntN(3)]
}

// alike fails the test for each header that Rails and the reader judge
// differently. Where one cookie is there twice, or has parts to spare, which only
// Rails before 7.1 drops, the reader leaves it to the monolith.
func alike(t *testing.T, m *monolith, s *rails.Sessions, headers []string) {
	t.Helper()
	counts := map[string]int{}
	for i, answer := range m.do("read", object{"headers": headers})["sessions"].([]any) {
		answer := answer.(object)
		want := session.Anonymous
		var id string
		if found, ok := answer["session"].(object); ok && found["user_id"] != nil {
			want, id = session.Known, fmt.Sprint(found["user_id"])
		}
		if answer["error"] != nil {
			want = session.Unavailable
		}
		got := resolve(s, http.Header{"Cookie": {headers[i]}})
		counts[got.State.String()]++
		switch {
		case got.Reason == session.AmbiguousCookie, got.Reason == session.Undecodable && strings.Contains(got.Err.Error(), "more parts"):
			counts["left to Rails"]++
		case got.State != want, got.State == session.Known && got.Principal.Subject != id:
			t.Errorf("%q: %s %s %v; Rails: %v", headers[i], got.State, got.Reason, got.Err, answer)
		}
	}
	t.Log(counts)
}

// TestSealedTexts seals texts with Rails' key that Rails would not write itself.
func TestSealedTexts(t *testing.T) {
	t.Parallel()
	m := startRails(t, object{"hash": "SHA256"})
	s := reader(t, rails.Config{Path: []string{"user_id"}}, rails.CookieStore{}, nil, time.Now)
	soon, past := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
	message := `"message":"eyJzZXNzaW9uX2lkIjoiYSIsInVzZXJfaWQiOjV9"` // {"session_id":"a","user_id":5}
	right := `"pur":"cookie.` + cookieName + `"`
	texts := map[string]string{}
	for _, text := range []string{
		`{"session_id":"a","user_id":5}`, ` {"session_id":"a","user_id":5} `, `{"user_id":5}`, `{"session_id":null,"user_id":5}`, `{"session_id":false,"user_id":5}`,
		`{"session_id":"","user_id":5}`, `{"session_id":7,"user_id":5}`, `{"session_id":"a","user_id":4,"user_id":5}`, `{"session_id":"a","User_ID":5}`,
		`null`, `false`, `true`, `5`, `"text"`, `[]`, `[1]`, `{}`, `{`, `x`, `{"session_id":"a"}x`, `{"session_id":"a","user_id":null}`,
		`{"_rails":{` + message + `,"exp":null,` + right + `}}`, `{"_rails":{` + message + `,` + right + `}}`, `{"_rails":{` + message + `}}`,
		`{"_rails":{` + message + `,"pur":null}}`, `{"_rails":{` + message + `,"pur":""}}`, `{"_rails":{` + message + `,"pur":"cookie.other"}}`,
		`{"_rails":{` + message + `,"exp":"` + soon + `",` + right + `}}`, `{"_rails":{` + message + `,"exp":"` + past + `",` + right + `}}`,
		`{"_rails":{` + message + `,"exp":"tomorrow",` + right + `}}`, `{"_rails":{"message":"bnVsbA==",` + right + `}}`, `{"_rails":{"message":"e30=",` + right + `}}`,
		`{"_rails":{"pur":"cookie.other"},"_rails":{` + message + `,` + right + `}}`, `{"a":1,"_rails":{` + message + `,` + right + `}}`,
		`{"_rails":{` + message + `,"pur":"cookie.other","pur":"cookie.` + cookieName + `"}}`, `{"_RAILS":{` + message + `}}`,
		`{"_rails":{` + message + `,"exp":5,` + right + `}}`, `{"_rails":{"message":"!",` + right + `}}`, `{"_rails":{` + right + `}}`,
		"\x04\bo:\vObject\x00", "\x00", "\xff\xfe",
	} {
		texts[text] = cookieName + "=" + url.QueryEscape(s.Seal([]byte(text)))
	}
	for text, header := range texts {
		t.Run(text, func(t *testing.T) { alike(t, m, s, []string{header}) })
	}
}

// TestMoreParts has what Rails 6.1 takes and 7.1 refuses.
func TestMoreParts(t *testing.T) {
	t.Parallel()
	s := reader(t, rails.Config{Path: []string{"user_id"}}, rails.CookieStore{}, nil, time.Now)
	cookie := s.Seal([]byte(`{"session_id":"a","user_id":5}`))
	expect(t, s.Open(context.Background(), url.QueryEscape(cookie)), session.Known, "")
	for _, more := range []string{"--", "--AAAA", "--AAAA--", "----"} {
		expect(t, s.Open(context.Background(), url.QueryEscape(cookie+more)), session.Unavailable, session.Undecodable)
	}
}
