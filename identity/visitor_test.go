package identity_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = []byte("0123456789abcdef0123456789abcdef")

// known is a cookie computed outside this package, so that the format cannot
// change unnoticed: every browser would become a new visitor.
const (
	knownID    = "AAECAwQFBgcICQoLDA0ODw"
	knownValue = "1.AAECAwQFBgcICQoLDA0ODw.oR05uZkuTOmwjFLm8TviUA"
)

func request(lines ...string) *http.Request {
	return &http.Request{Header: http.Header{"Cookie": lines}}
}

func TestVisitorsReadWhatTheyMinted(t *testing.T) {
	t.Parallel()
	v := identity.NewVisitors(key)
	seen := map[string]bool{}
	for range 1000 {
		id, value := v.Mint()
		if seen[id] || len(id) != 22 || len(value) != 47 {
			t.Fatalf("minted %q, %q", id, value)
		}
		seen[id] = true
		got, ok := v.Read(request("csrftoken=x; " + identity.VisitorCookie + "=" + value + "; sessionid=y"))
		if !ok || got != id {
			t.Fatalf("read %q, %v of %q", got, ok, value)
		}
		if _, ok := identity.NewVisitors([]byte("another key of enough bytes")).Read(request(identity.VisitorCookie + "=" + value)); ok {
			t.Fatal("another key's visitor was believed")
		}
	}
}

func TestVisitorsFormatIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("strangler-visitor-1\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"))
	if want := "1." + knownID + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]); want != knownValue {
		t.Errorf("the format gives %q, the committed value is %q", want, knownValue)
	}
	if id, ok := identity.NewVisitors(key).Read(request(identity.VisitorCookie + "=" + knownValue)); !ok || id != knownID {
		t.Errorf("read %q, %v", id, ok)
	}
}

func TestVisitorsReadsCookieHeaders(t *testing.T) {
	t.Parallel()
	v := identity.NewVisitors(key)
	_, other := v.Mint()
	ours := identity.VisitorCookie + "=" + knownValue
	trailing := knownValue[:len(knownValue)-1] + string(knownValue[len(knownValue)-1]+1) // the same bytes, another spelling of the last bits
	for name, test := range map[string]struct {
		lines []string
		want  bool
	}{
		"alone":                  {[]string{ours}, true},
		"among others":           {[]string{"a=b; " + ours + "; c=d"}, true},
		"without spaces":         {[]string{"a=b;" + ours + ";c"}, true},
		"with spaces":            {[]string{" \t" + identity.VisitorCookie + " =" + knownValue + "\t ;"}, true},
		"a space in the value":   {[]string{identity.VisitorCookie + "= " + knownValue}, false},
		"in a second line":       {[]string{"a=b", ours}, true},
		"twice the same":         {[]string{ours + "; " + ours}, true},
		"empty pairs":            {[]string{";;=;a;;" + ours + ";"}, true},
		"none":                   {nil, false},
		"twice, differing":       {[]string{ours + "; " + identity.VisitorCookie + "=" + other}, false},
		"two lines, differing":   {[]string{ours, identity.VisitorCookie + "=" + other}, false},
		"twice, one empty":       {[]string{ours + "; " + identity.VisitorCookie + "="}, false},
		"twice, garbage first":   {[]string{identity.VisitorCookie + "=x; " + ours}, false},
		"quoted":                 {[]string{identity.VisitorCookie + `="` + knownValue + `"`}, false},
		"another case of name":   {[]string{strings.ToUpper(identity.VisitorCookie) + "=" + knownValue}, false},
		"name as a suffix":       {[]string{"x" + ours}, false},
		"empty":                  {[]string{identity.VisitorCookie + "="}, false},
		"no value":               {[]string{identity.VisitorCookie}, false},
		"another version":        {[]string{identity.VisitorCookie + "=2" + knownValue[1:]}, false},
		"forged id":              {[]string{identity.VisitorCookie + "=1.B" + knownValue[3:]}, false},
		"forged signature":       {[]string{identity.VisitorCookie + "=" + knownValue[:25] + "_" + knownValue[26:]}, false},
		"zero signature":         {[]string{identity.VisitorCookie + "=1." + knownID + "." + strings.Repeat("A", 22)}, false},
		"another spelling":       {[]string{identity.VisitorCookie + "=" + trailing}, false},
		"cut off":                {[]string{ours[:len(ours)-1]}, false},
		"with more":              {[]string{ours + "A"}, false},
		"oversized":              {[]string{ours + strings.Repeat("A", 1<<20)}, false},
		"line ends in the value": {[]string{identity.VisitorCookie + "=1." + knownID[:20] + "\r\n" + knownValue[24:]}, false},
		"dots elsewhere":         {[]string{identity.VisitorCookie + "=1." + strings.Repeat(".", 45)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, ok := v.Read(request(test.lines...))
			if ok != test.want {
				t.Errorf("read %q, %v", id, ok)
			}
			if want := map[bool]string{true: knownID}[test.want]; id != want {
				t.Errorf("read %q, want %q", id, want)
			}
		})
	}
}

func TestVisitorsCookieOutlivesTheBrowserAndKeepsToItself(t *testing.T) {
	t.Parallel()
	v := identity.NewVisitors(key)
	const want = "strangler_visitor=" + knownValue + "; Path=/; Max-Age=31536000; HttpOnly; "
	if got := v.Cookie(knownValue, false).String(); got != want+"SameSite=Lax" {
		t.Errorf("over http: %s", got)
	}
	if got := v.Cookie(knownValue, true).String(); got != want+"Secure; SameSite=Lax" {
		t.Errorf("over https: %s", got)
	}
}

func TestNewVisitorsWantsAKey(t *testing.T) {
	t.Parallel()
	for _, short := range [][]byte{nil, make([]byte, 15)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a key of %d bytes was taken", len(short))
				}
			}()
			identity.NewVisitors(short)
		}()
	}
}

func TestVisitorsKeepTheKeyTheyWereGiven(t *testing.T) {
	t.Parallel()
	mine := bytes.Clone(key)
	v := identity.NewVisitors(mine)
	clear(mine)
	if _, ok := v.Read(request(identity.VisitorCookie + "=" + knownValue)); !ok {
		t.Error("the key changed with the caller's slice")
	}
}

func TestVisitorsServeManyAtOnce(t *testing.T) {
	t.Parallel()
	v := identity.NewVisitors(key)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				id, value := v.Mint()
				if got, ok := v.Read(request(identity.VisitorCookie + "=" + value)); !ok || got != id {
					t.Errorf("read %q, %v, want %q", got, ok, id)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestVisitorsReadAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools on purpose")
	}
	v := identity.NewVisitors(key)
	r := request("sessionid=abcdefghijklmnop; csrftoken=abcdefghijklmnop; strangler_visitor=" + knownValue)
	if n := testing.AllocsPerRun(1000, func() { v.Read(r) }); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// FuzzVisitorsRead holds the parser against net/http's own, and that nothing
// but a signed value is ever believed.
func FuzzVisitorsRead(f *testing.F) {
	v := identity.NewVisitors(key)
	ours := identity.VisitorCookie + "=" + knownValue
	for _, seed := range []string{"", ours, ours + "; " + ours, ours + "; strangler_visitor=x", "a=b;" + ours, ";;=;" + ours, "strangler_visitor=\"" + knownValue + "\""} {
		f.Add(seed, seed)
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := request(first, second)
		id, ok := v.Read(r)
		if ok != (id != "") {
			t.Fatalf("%q, %v", id, ok)
		}
		if !ok {
			return
		}
		if id != knownID && !strings.Contains(first+second, id) {
			t.Fatalf("the ID %q is not in the header", id)
		}
		if !strings.Contains(first, ours[18:]) && !strings.Contains(second, ours[18:]) {
			t.Fatalf("%q, %q: an ID that we never signed: %q", first, second, id)
		}
		for _, c := range r.Cookies() { // what the standard library sees must not differ
			if c.Name == identity.VisitorCookie && c.Value != knownValue {
				t.Fatalf("%q, %q: net/http also reads %q", first, second, c.Value)
			}
		}
	})
}

func BenchmarkVisitorsRead(b *testing.B) {
	v := identity.NewVisitors(key)
	r := request("sessionid=abcdefghijklmnopqrstuvwxyz012345; csrftoken=abcdefghijklmnopqrstuvwxyz012345; strangler_visitor=" + knownValue)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := v.Read(r); !ok {
			b.Fatal("not read")
		}
	}
}

func BenchmarkVisitorsMint(b *testing.B) {
	v := identity.NewVisitors(key)
	b.ReportAllocs()
	for b.Loop() {
		v.Mint()
	}
}
