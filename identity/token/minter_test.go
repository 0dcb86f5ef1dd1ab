package token

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"
)

func ask(tb testing.TB, m *Minter, s *Service, p *Prepared, now time.Time) Token {
	tb.Helper()
	minted, err := m.Token(s, p, now)
	if err != nil {
		tb.Fatal(err)
	}
	return minted
}

// Two requests that differ in anything a token says never share one.
func TestTokensAreSharedOnlyByEquals(t *testing.T) {
	t.Parallel()
	ring := newRing(t, ES256, epoch)
	m := NewMinter(ring)
	options := func(edit func(*ServiceOptions)) *Service {
		o := ServiceOptions{Audience: "faq", ClientID: "x", Claims: map[string]Claim{"name": {Attribute: "name"}, "acr2": {Value: 1}}}
		edit(&o)
		s, err := ring.Service(o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same := func(*ServiceOptions) {}
	services := map[string]*Service{
		"service":        options(same),
		"other audience": options(func(o *ServiceOptions) { o.Audience = "tickets" }),
		"other type":     options(func(o *ServiceOptions) { o.Type = AccessToken }),
		"other client":   options(func(o *ServiceOptions) { o.ClientID = "y" }),
		"other lifetime": options(func(o *ServiceOptions) { o.Lifetime = 30 * time.Second }),
		"other value":    options(func(o *ServiceOptions) { o.Claims["acr2"] = Claim{Value: 2} }),
		"other source":   options(func(o *ServiceOptions) { o.Claims["name"] = Claim{Attribute: "acr"} }),
		"required":       options(func(o *ServiceOptions) { o.Claims["name"] = Claim{Attribute: "name", Required: true} }),
	}
	full := func(s *Subject) {
		s.Actor, s.Class, s.Methods, s.AuthTime = "7", "silver", []string{"pwd"}, epoch
		s.Attributes = map[string]any{"name": "anna", "acr": "x"}
	}
	subjects := map[string]func(*Subject){
		"subject":        full,
		"other ID":       func(s *Subject) { s.ID = "43" },
		"other session":  func(s *Subject) { s.Session[0]++ },
		"other actor":    func(s *Subject) { s.Actor = "8" },
		"no actor":       func(s *Subject) { s.Actor = "" },
		"other class":    func(s *Subject) { s.Class = "gold" },
		"other methods":  func(s *Subject) { s.Methods = []string{"pwd", "otp"} },
		"other login":    func(s *Subject) { s.AuthTime = epoch.Add(time.Second) },
		"other name":     func(s *Subject) { s.Attributes["name"] = "bob" },
		"name by number": func(s *Subject) { s.Attributes["name"] = 1 },
		// The attribute must not be taken for the claim.
		"class as attribute": func(s *Subject) { s.Class = ""; s.Attributes["acr"] = "silver" },
		"no class":           func(s *Subject) { s.Class = "" },
	}
	seen := map[string]string{}
	pairs := 0
	var last *Prepared
	for service := range services {
		for name, edit := range subjects {
			if service != "service" && name != "subject" {
				continue // it differs in two things
			}
			pairs++
			var before *Prepared
			for range 2 {
				p := prepared(t, func(s *Subject) { full(s); edit(s) })
				p.Adopt(last) // somebody else's, or for another service
				p.Adopt(before)
				before = p
				text := ask(t, m, services[service], p, epoch).Text()
				pair := service + ", " + name
				if other, taken := seen[text]; taken && other != pair {
					t.Errorf("%s has the token of %s", pair, other)
				}
				seen[text] = pair
			}
			last = before
		}
	}
	if len(seen) != pairs || m.Counts().Minted != uint64(pairs) {
		t.Errorf("%d tokens, %+v; want %d, each minted once", len(seen), m.Counts(), pairs)
	}
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	ring := newRing(t, EdDSA, epoch)
	m, service := NewMinter(ring), newService(t, ring, ServiceOptions{})
	renewals := map[int]int{}
	for user := range 100 {
		p := prepared(t, signedInAs(user))
		first := ask(t, m, service, p, epoch)
		for second := range 60 {
			now := epoch.Add(time.Duration(second) * time.Second)
			got := ask(t, m, service, p, now)
			if got.Expires().Sub(now) < MinLeft {
				t.Fatalf("after %d s the token is good for %v", second, got.Expires().Sub(now))
			}
			if got != first {
				renewals[second]++
				break
			}
		}
	}
	most, total := 0, 0
	for second, n := range renewals {
		if second < 30 || second > 46 {
			t.Errorf("%d renewals after %d s", n, second)
		}
		most, total = max(most, n), total+n
	}
	if total != 100 || most > 30 {
		t.Errorf("%d renewals, %d in one second: %v", total, most, renewals)
	}
}

func TestTokenInMemoryIsDropped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(r *Ring, m *Minter, s *Subject, now *time.Time)
		kept bool
	}{
		"nothing happened":      {func(*Ring, *Minter, *Subject, *time.Time) {}, true},
		"another key signs":     {func(r *Ring, _ *Minter, _ *Subject, _ *time.Time) { setKey(t, r, epoch) }, false},
		"another session":       {func(_ *Ring, _ *Minter, s *Subject, _ *time.Time) { s.Session[0]++ }, false},
		"another name":          {func(_ *Ring, _ *Minter, s *Subject, _ *time.Time) { s.Attributes["name"] = "bob" }, false},
		"the session was cut":   {func(_ *Ring, _ *Minter, s *Subject, _ *time.Time) { s.End = epoch.Add(20 * time.Second) }, false},
		"the session was slid":  {func(_ *Ring, _ *Minter, s *Subject, _ *time.Time) { s.End = epoch.Add(time.Hour) }, true},
		"a little later":        {func(_ *Ring, _ *Minter, _ *Subject, now *time.Time) { *now = now.Add(29 * time.Second) }, true},
		"almost expired":        {func(_ *Ring, _ *Minter, _ *Subject, now *time.Time) { *now = now.Add(56 * time.Second) }, false},
		"expired":               {func(_ *Ring, _ *Minter, _ *Subject, now *time.Time) { *now = now.Add(2 * time.Minute) }, false},
		"the clock was set":     {func(_ *Ring, _ *Minter, _ *Subject, now *time.Time) { *now = now.Add(-11 * time.Second) }, false},
		"the clock was trimmed": {func(_ *Ring, _ *Minter, _ *Subject, now *time.Time) { *now = now.Add(-time.Second) }, true},
	} {
		ring := newRing(t, EdDSA, epoch.Add(-time.Hour))
		m, service := NewMinter(ring), newService(t, ring, ServiceOptions{})
		s, now := subject(nil), epoch
		s.End = epoch.Add(10 * time.Minute)
		before := prepared(t, func(to *Subject) { *to = s })
		first := ask(t, m, service, before, now)
		c.then(ring, m, &s, &now)
		after := prepared(t, func(to *Subject) { *to = s })
		after.Adopt(before)
		second := ask(t, m, service, after, now)
		if kept := first == second; kept != c.kept {
			t.Errorf("%s: kept %v", name, kept)
		}
		if !s.End.IsZero() && second.Expires().After(s.End) {
			t.Errorf("%s: the token outlives the session", name)
		}
	}
}

func TestShortSessionIsNotMintedForAgainAndAgain(t *testing.T) {
	t.Parallel()
	ring := newRing(t, EdDSA, epoch)
	m, service := NewMinter(ring), newService(t, ring, ServiceOptions{})
	p := prepared(t, func(s *Subject) { s.End = epoch.Add(15 * time.Second) })
	for second := range 11 {
		ask(t, m, service, p, epoch.Add(time.Duration(second)*time.Second))
	}
	if got := m.Counts().Minted; got != 1 {
		t.Errorf("%d tokens minted", got)
	}
	if _, err := m.Token(service, p, epoch.Add(11*time.Second)); err == nil {
		t.Error("a token in the session's last seconds")
	}
}

func TestRequestsThatComeTogetherMintOneToken(t *testing.T) {
	t.Parallel()
	ring := newRing(t, RS256, epoch)
	m, service, p := NewMinter(ring), newService(t, ring, ServiceOptions{}), prepared(t, nil)
	for round, now := range []time.Time{epoch, epoch.Add(47 * time.Second), epoch.Add(10 * time.Minute)} {
		var all sync.WaitGroup
		begin := make(chan struct{})
		for range 64 {
			all.Go(func() {
				<-begin
				if _, err := m.Token(service, p, now); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		all.Wait()
		if got := m.Counts().Minted; got != uint64(round+1) {
			t.Errorf("round %d: %d tokens minted", round, got)
		}
	}
}

// signedInAs makes a subject that user, in a session of its own.
func signedInAs(user int) func(*Subject) {
	return func(s *Subject) {
		s.ID = fmt.Sprint(user)
		s.Session = NewSessionID(make([]byte, 32), s.ID)
	}
}

func TestTokensForManyServices(t *testing.T) {
	t.Parallel()
	ring := newRing(t, EdDSA, epoch)
	m, p := NewMinter(ring), prepared(t, nil)
	var services [maxTokens + 8]*Service
	for n := range services {
		services[n] = newService(t, ring, ServiceOptions{Audience: fmt.Sprint(n)})
	}
	for n, s := range services {
		if n >= maxTokens {
			break
		}
		first := ask(t, m, s, p, epoch)
		for again, s := range services[:n+1] {
			if got := payload(t, ask(t, m, s, p, epoch))["aud"]; got != fmt.Sprint(again) {
				t.Fatalf("the token of service %d is for %v", again, got)
			}
		}
		// A table that was read again makes the same service anew.
		if ask(t, m, newService(t, ring, ServiceOptions{Audience: fmt.Sprint(n)}), p, epoch) != first {
			t.Fatalf("service %d: minted again", n)
		}
	}
	if got := m.Counts().Minted; got != maxTokens {
		t.Errorf("%d tokens minted for %d services", got, maxTokens)
	}
	kept := func() (n int) {
		for m := p.tokens.Load(); m != nil; m = m.next {
			n++
		}
		return n
	}
	for _, s := range services[maxTokens:] {
		ask(t, m, s, p, epoch)
	}
	if kept() != maxTokens {
		t.Errorf("%d kept", kept())
	}
	ask(t, m, services[0], p, epoch.Add(2*time.Minute))
	if kept() != 1 {
		t.Errorf("%d kept, of which all but one have ended", kept())
	}
}

func TestUnderwayKeysAndSessionsChange(t *testing.T) {
	t.Parallel()
	ring := newRing(t, EdDSA, epoch)
	m := NewMinter(ring)
	var services [3]*Service
	for n := range services {
		services[n] = newService(t, ring, ServiceOptions{Audience: fmt.Sprint("service ", n)})
	}
	var users [40]atomic.Pointer[Prepared]
	for user := range users {
		users[user].Store(prepared(t, signedInAs(user)))
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 0))
			for step := range 500 {
				user, service := random.IntN(len(users)), random.IntN(len(services))
				minted, err := m.Token(services[service], users[user].Load(), epoch.Add(time.Duration(step)*time.Second/10))
				if err != nil {
					t.Error(err)
					return
				}
				if claims := payload(t, minted); claims["sub"] != fmt.Sprint(user) || claims["aud"] != fmt.Sprint("service ", service) {
					t.Error("the token of somebody else, or for another service")
				}
				switch random.IntN(50) {
				case 0:
					setKey(t, ring, epoch)
				case 1, 2, 3:
					p := prepared(t, signedInAs(user))
					p.Adopt(users[user].Load())
					users[user].Store(p)
				}
			}
		})
	}
	all.Wait()
}

// Tokens go from one to the next, whoever had them before does not: of a session that is
// asked for all day there is one subject, not one of each lookup.
func TestWhoAdoptsTokensKeepsNobodyAlive(t *testing.T) {
	t.Parallel()
	ring := newRing(t, EdDSA, epoch)
	m, last := NewMinter(ring), prepared(t, nil)
	services := []*Service{newService(t, ring, ServiceOptions{}), newService(t, ring, ServiceOptions{Audience: "tickets"})}
	var before [20]weak.Pointer[Prepared]
	for step := range before { // also longer than a token is good for
		for _, s := range services[:1+step%2] {
			ask(t, m, s, last, epoch.Add(time.Duration(step)*5*time.Second))
		}
		before[step] = weak.Make(last)
		next := prepared(t, nil)
		next.Adopt(last)
		last = next
	}
	runtime.GC()
	for step, p := range before {
		if p.Value() != nil {
			t.Errorf("the subject of step %d is still there", step)
		}
	}
	if n := len(slices.Collect(last.all())); n != len(services) {
		t.Errorf("%d tokens", n)
	}
	runtime.KeepAlive(last)
}

func TestHitAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ring := newRing(t, ES256, epoch)
	m, service, p := NewMinter(ring), newService(t, ring, ServiceOptions{}), prepared(t, nil)
	if n := testing.AllocsPerRun(1000, func() { ask(t, m, service, p, epoch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhoGetsNoTokenForWantOfAKeyIsCounted(t *testing.T) {
	t.Parallel()
	ring, err := NewRing(Options{Issuer: "https://www.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMinter(ring)
	if _, err := m.Token(nil, nil, epoch); !errors.Is(err, ErrNoKey) || m.Counts().Failed != 1 {
		t.Errorf("%v; %+v", err, m.Counts())
	}
}
