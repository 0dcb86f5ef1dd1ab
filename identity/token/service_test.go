package token

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// bench is a ring without a store, for what needs none.
func newRing(tb testing.TB, algorithm Algorithm, now time.Time) *Ring {
	tb.Helper()
	ring, err := NewRing(Options{Issuer: "https://www.example.com", Policy: Policy{Algorithm: algorithm}})
	if err != nil {
		tb.Fatal(err)
	}
	setKey(tb, ring, now)
	return ring
}

// setKey lets the ring sign with a new key.
func setKey(tb testing.TB, ring *Ring, now time.Time) {
	tb.Helper()
	set, err := ring.options.Policy.first(now, false, NewKey)
	if err != nil {
		tb.Fatal(err)
	}
	ring.current.Store(&view{set: set})
}

func newService(tb testing.TB, ring *Ring, o ServiceOptions) *Service {
	tb.Helper()
	o.Audience = cmp.Or(o.Audience, "faq")
	s, err := ring.Service(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func subject(edit func(*Subject)) Subject {
	s := Subject{ID: "42", Session: NewSessionID([]byte("0123456789abcdef"), "a session"), Attributes: map[string]any{}}
	if edit != nil {
		edit(&s)
	}
	return s
}

func prepared(tb testing.TB, edit func(*Subject)) *Prepared {
	tb.Helper()
	p := new(Prepared)
	if err := subject(edit).Prepare(p); err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestRegisteredClaimsCannotBeConfigured(t *testing.T) {
	t.Parallel()
	ring := newRing(t, ES256, epoch)
	names := append([]string{"SUB", "Iss", "\u017fub", "\u017fid", "Client_ID"}, registered...) // U+017F folds to s
	for _, name := range names {
		_, err := ring.Service(ServiceOptions{Audience: "faq", Claims: map[string]Claim{name: {Value: "x"}}})
		if !errors.Is(err, ErrService) {
			t.Errorf("%q is taken: %v", name, err)
		}
	}
}

func TestServiceOptionsAreChecked(t *testing.T) {
	t.Parallel()
	ec, rsa := newRing(t, ES256, epoch), newRing(t, RS512, epoch)
	claim := func(name string, c Claim) map[string]Claim { return map[string]Claim{name: c} }
	for name, o := range map[string]ServiceOptions{
		"no audience":            {},
		"an audience of bytes":   {Audience: "\xff"},
		"at+jwt, no client":      {Audience: "faq", Type: AccessToken},
		"no such type":           {Audience: "faq", Type: 2},
		"too long a life":        {Audience: "faq", Lifetime: time.Hour},
		"too short a life":       {Audience: "faq", Lifetime: time.Second},
		"no such profile":        {Audience: "faq", Profile: "open-edx"},
		"openedx as at+jwt":      {Audience: "faq", Profile: OpenEDX, Type: AccessToken, ClientID: "x"},
		"openedx, other version": {Audience: "faq", Profile: OpenEDX, Claims: claim("version", Claim{Value: "1.2"})},
		"openedx, fixed staff":   {Audience: "faq", Profile: OpenEDX, Claims: claim("administrator", Claim{Value: true})},
		"a claim without a name": {Audience: "faq", Claims: claim("", Claim{Value: 1})},
		"a long name":            {Audience: "faq", Claims: claim(strings.Repeat("x", 65), Claim{Value: 1})},
		"a claim of nothing":     {Audience: "faq", Claims: claim("x", Claim{})},
		"no JSON":                {Audience: "faq", Claims: claim("x", Claim{Value: math.NaN()})},
		"the wrong kind":         {Audience: "faq", Claims: claim("x", Claim{Value: "1", Kind: Integer})},
		"too much":               {Audience: "faq", Claims: claim("x", Claim{Value: strings.Repeat("x", MaxToken)})},
	} {
		if _, err := rsa.Service(o); !errors.Is(err, ErrService) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ec.Service(ServiceOptions{Audience: "faq", Profile: OpenEDX}); !errors.Is(err, ErrService) {
		t.Errorf("openedx with ES256: %v", err)
	}
}

func TestSubjectsAreChecked(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Subject){
		"no ID":            func(s *Subject) { s.ID = "" },
		"a long ID":        func(s *Subject) { s.ID = strings.Repeat("x", 256) },
		"an ID of bytes":   func(s *Subject) { s.ID = "\xff" },
		"an ID with NUL":   func(s *Subject) { s.ID = "4\x002" },
		"an actor of byte": func(s *Subject) { s.Actor = "\xff" },
		"no session":       func(s *Subject) { s.Session = SessionID{} },
		"no JSON":          func(s *Subject) { s.Attributes["x"] = func() {} },
		"a big attribute":  func(s *Subject) { s.Attributes["x"] = strings.Repeat("x", maxAttribute) },
	} {
		if err := subject(edit).Prepare(new(Prepared)); !errors.Is(err, ErrSubject) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenEDXTokenIsNeverIncomplete(t *testing.T) {
	t.Parallel()
	ring := newRing(t, RS512, epoch)
	service := newService(t, ring, ServiceOptions{Profile: OpenEDX})
	full := func(s *Subject) {
		s.Attributes = map[string]any{
			"username": "anna", "user_id": 42, "email": "", "name": "", "is_staff": true, "is_superuser": false, "is_active": true,
		}
	}
	for name, c := range map[string]struct {
		edit func(map[string]any)
		want error
	}{
		"complete":          {func(map[string]any) {}, nil},
		"staff unknown":     {func(a map[string]any) { delete(a, "is_staff") }, ErrMissing},
		"staff null":        {func(a map[string]any) { a["is_staff"] = nil }, ErrMissing},
		"staff as text":     {func(a map[string]any) { a["is_staff"] = "false" }, ErrMissing},
		"user_id as text":   {func(a map[string]any) { a["user_id"] = "42" }, ErrMissing},
		"user_id not whole": {func(a map[string]any) { a["user_id"] = 4.2 }, ErrMissing},
		"locked out":        {func(a map[string]any) { a["is_active"] = false }, ErrInactive},
		"locked out, MySQL": {func(a map[string]any) { a["is_active"] = 0 }, ErrInactive},
		"active, MySQL":     {func(a map[string]any) { a["is_active"] = 1 }, nil},
		"active as text":    {func(a map[string]any) { a["is_active"] = "yes" }, ErrInactive},
		"staff is a count":  {func(a map[string]any) { a["is_staff"] = 2 }, ErrMissing},
	} {
		p := prepared(t, func(s *Subject) { full(s); c.edit(s.Attributes) })
		if _, err := NewMinter(ring).Token(service, p, epoch); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestOpenEDXTakesTheBooleansOfMySQLAndSQLite(t *testing.T) {
	t.Parallel()
	ring := newRing(t, RS512, epoch)
	p := prepared(t, func(s *Subject) {
		s.Attributes = map[string]any{
			"username": "anna", "user_id": 42, "email": "", "name": "", "is_staff": int64(1), "is_superuser": int64(0), "is_active": int64(1),
		}
	})
	minted, err := NewMinter(ring).Token(newService(t, ring, ServiceOptions{Profile: OpenEDX}), p, epoch)
	if err != nil {
		t.Fatal(err)
	}
	if said := payload(t, minted); said["administrator"] != true || said["superuser"] != false || said["user_id"] != 42. {
		t.Errorf("%v", said)
	}
}

func TestOversizedClaimsGetNoToken(t *testing.T) {
	t.Parallel()
	ring := newRing(t, RS256, epoch)
	service := newService(t, ring, ServiceOptions{Claims: map[string]Claim{"x": {Attribute: "x"}}})
	longest := 0
	for size := 2000; size < 4000; size += 7 {
		p := prepared(t, func(s *Subject) { s.Attributes["x"] = strings.Repeat("x", size) })
		minted, err := NewMinter(ring).Token(service, p, epoch)
		if err != nil {
			if !errors.Is(err, ErrTooLarge) || strings.Contains(err.Error(), "xxx") {
				t.Fatal(err)
			}
			break
		}
		longest = len(minted.Text())
	}
	if longest > MaxToken || longest < MaxToken-20 {
		t.Errorf("the longest token has %d bytes", longest)
	}
}

func payload(tb testing.TB, token Token) map[string]any {
	tb.Helper()
	content, err := base64.RawURLEncoding.DecodeString(strings.Split(token.Text(), ".")[1])
	if err != nil {
		tb.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(content, &claims); err != nil {
		tb.Fatalf("%s: %v", content, err)
	}
	return claims
}

func TestTokenEndsWithItsSession(t *testing.T) {
	t.Parallel()
	ring := newRing(t, ES256, epoch)
	service := newService(t, ring, ServiceOptions{})
	key, err := ring.Signing(epoch)
	if err != nil {
		t.Fatal(err)
	}
	for left, want := range map[time.Duration]time.Duration{
		time.Hour:                             time.Minute,
		time.Minute:                           time.Minute,
		30*time.Second + 999*time.Millisecond: 30 * time.Second,
		5 * time.Second:                       5 * time.Second,
		5*time.Second - 1:                     0,
		-time.Hour:                            0,
	} {
		minted, err := service.Mint(key, prepared(t, func(s *Subject) { s.End = epoch.Add(left) }), epoch)
		if want == 0 {
			if !errors.Is(err, ErrEnding) {
				t.Errorf("%v left: %v", left, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := minted.Expires().Sub(epoch); got != want || payload(t, minted)["exp"] != float64(epoch.Add(want).Unix()) {
			t.Errorf("%v left: %v, want %v", left, got, want)
		}
	}
}

// Whatever a user is called, the token says what the subject says.
func FuzzSubject(f *testing.F) {
	ring := newRing(f, EdDSA, epoch)
	service := newService(f, ring, ServiceOptions{Claims: map[string]Claim{"name": {Attribute: "name"}}})
	key, err := ring.Signing(epoch)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("42", "7", "silver", `Anna "</script>`, "name")
	f.Add(`","sub":"1`, `"}`, "\u2028", "\x00", "sub")
	f.Fuzz(func(t *testing.T, id, actor, class, name, attribute string) {
		p := new(Prepared)
		if subject(func(s *Subject) {
			s.ID, s.Actor, s.Class = id, actor, class
			s.Attributes = map[string]any{attribute: name}
		}).Prepare(p) != nil {
			return
		}
		minted, err := service.Mint(key, p, epoch)
		if errors.Is(err, ErrTooLarge) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		claims := payload(t, minted)
		act, _ := claims["act"].(map[string]any)
		if claims["sub"] != id || actor != "" && act["sub"] != actor || class != "" && claims["acr"] != class || claims["aud"] != "faq" {
			t.Errorf("claims %v", claims)
		}
		want := 8
		for _, there := range []bool{actor != "", class != "", attribute == "name"} {
			if there {
				want++
			}
		}
		if len(claims) != want || len(minted.Text()) > MaxToken {
			t.Errorf("%d claims, want %d: %v", len(claims), want, claims)
		}
	})
}
