package token_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/strangler-proxy/strangler/identity/token"
)

// rememberer is a verifier that keeps the key set for as long as it does, and
// never asks for a key it does not know: the strictest there is.
type rememberer struct {
	keeps time.Duration
	cache *httpCache

	keys  jose.JSONWebKeySet
	until time.Time
}

// httpCache keeps one answer of a node for as long as it may. A crowd asks it
// all the time, so what a verifier gets is up to that old.
type httpCache struct{ content atomic.Pointer[[]byte] }

func (c *httpCache) run(ctx context.Context, t *testing.T, nodes []http.Handler) {
	t.Helper()
	for i := 0; ; i++ {
		answer := get(nodes[i%len(nodes)], http.MethodGet)
		content, err := io.ReadAll(answer.Body)
		var seconds int
		if _, scanned := fmt.Sscanf(answer.Header.Get("Cache-Control"), "public, max-age=%d", &seconds); err != nil || scanned != nil {
			t.Error(answer.Status, err, scanned)
			return
		}
		c.content.Store(&content)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(seconds) * time.Second):
		}
	}
}

func (v *rememberer) refresh(t *testing.T) {
	t.Helper()
	if time.Now().Before(v.until) {
		return
	}
	v.keys = jose.JSONWebKeySet{}
	if err := json.Unmarshal(*v.cache.content.Load(), &v.keys); err != nil {
		t.Fatal(err)
	}
	if len(v.keys.Keys) > 3 {
		t.Fatal(len(v.keys.Keys), "keys")
	}
	v.until = time.Now().Add(v.keeps)
}

func (v *rememberer) verify(text string) error {
	_, err := jwt.Parse(text, func(t *jwt.Token) (any, error) {
		for _, key := range v.keys.Key(t.Header["kid"].(string)) {
			return key.Key, nil
		}
		return nil, fmt.Errorf("key %s is not known", t.Header["kid"])
	}, jwt.WithTimeFunc(time.Now), jwt.WithAudience(audience), jwt.WithIssuer("https://www.example.com"))
	return err
}

// fleet is two nodes on one store, and verifiers of all kinds.
type fleet struct {
	t         *testing.T
	rings     []*token.Ring
	minters   []*token.Minter
	services  []*token.Service
	verifiers []*rememberer
	subject   *token.Prepared
}

// run starts the nodes and calls play, in a bubble of its own time.
func runFleet(t *testing.T, every time.Duration, play func(*fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := openStore(t)
		f := &fleet{t: t, subject: prepare(t, anna())}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		nodes := make([]http.Handler, 0, 2)
		for range 2 {
			ring := newRing(t, store, token.Policy{Algorithm: token.EdDSA, Every: every})
			go ring.Run(ctx, time.Now, slog.New(slog.DiscardHandler))
			synctest.Wait()
			waitFor(t, func() bool { return len(ring.Set().Keys) > 0 })
			service, err := ring.Service(token.ServiceOptions{Audience: audience})
			if err != nil {
				t.Fatal(err)
			}
			f.rings, f.minters, f.services = append(f.rings, ring), append(f.minters, token.NewMinter(ring)), append(f.services, service)
			nodes = append(nodes, ring.Keys(time.Now))
		}
		cache := &httpCache{}
		go cache.run(ctx, t, nodes)
		synctest.Wait()
		for _, keeps := range []time.Duration{5 * time.Minute, 10 * time.Minute, time.Hour - time.Second, time.Hour} {
			f.verifiers = append(f.verifiers, &rememberer{keeps: keeps, cache: cache})
		}
		play(f)
		cancel()
		synctest.Wait()
	})
}

// waitFor lets time pass until it is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for range 1000 {
		if so() {
			return
		}
		sleep(time.Second)
	}
	t.Fatal("it never is")
}

// sleep lets the bubble's time pass.
func sleep(d time.Duration) { <-time.After(d) }

// mint lets each node mint.
func (f *fleet) mint() (minted []token.Token) {
	f.t.Helper()
	for i, m := range f.minters {
		t, err := m.Token(f.services[i], f.subject, time.Now())
		if err != nil {
			f.t.Fatal(err)
		}
		minted = append(minted, t)
	}
	return minted
}

// judge lets each verifier judge each token.
func (f *fleet) judge(minted []token.Token) {
	f.t.Helper()
	for _, v := range f.verifiers {
		v.refresh(f.t)
		for _, t := range minted {
			if err := v.verify(t.Text()); err != nil {
				f.t.Fatalf("a verifier that keeps keys for %v refuses a token: %v", v.keeps, err)
			}
		}
	}
}

// No token is ever refused, whatever a verifier keeps and whenever it asked.
func TestRotationNeverCostsAToken(t *testing.T) {
	t.Parallel()
	runFleet(t, 12*time.Hour, func(f *fleet) {
		start, minted, signed := time.Now(), 0, map[string]bool{}
		random := rand.New(rand.NewPCG(1, 2))
		hours := 1000
		if token.RaceEnabled {
			hours = 50
		}
		for time.Since(start).Hours() < float64(hours) {
			key, err := f.rings[0].Signing(time.Now())
			if err != nil {
				f.t.Fatal(err)
			}
			signed[key.ID()] = true
			tokens := f.mint()
			if time.Since(start)%(48*time.Hour) < 24*time.Hour { // an operator who cannot wait, every other day; too early is refused
				_ = f.rings[random.IntN(2)].Rotate(f.t.Context(), time.Now())
			}
			if random.IntN(300) == 0 { // all its tokens are dead, who signs after it is not
				_ = f.rings[random.IntN(2)].Revoke(f.t.Context(), retired(f.rings[0]), time.Now())
			}
			tokens = slices.Compact(slices.Concat(tokens, f.mint())) // before and after
			f.judge(tokens)
			sleep(time.Until(tokens[0].Expires()) - time.Second)
			f.judge(tokens)
			minted += len(tokens)
			pause := time.Duration(random.Int64N(int64(20 * time.Minute)))
			for _, key := range f.rings[0].Set().Keys { // whoever cannot wait does it on the second
				if ready := time.Until(key.Published.Add(token.Lead)); ready > 0 {
					pause = min(pause, ready)
				}
			}
			sleep(pause)
		}
		if len(signed) < hours/4 || minted < 9*hours {
			f.t.Errorf("only %d keys signed, %d tokens were minted", len(signed), minted)
		}
		f.t.Logf("%d tokens by %d keys, judged twice by %d verifiers: none refused", minted, len(signed), len(f.verifiers))
	})
}

// retired is a key that signs no more and has signed nothing that is still good.
func retired(ring *token.Ring) string {
	for _, key := range ring.Set().Keys {
		if key.Phase(time.Now()) == token.Retired && time.Since(key.Retires) > 2*token.MaxLifetime+token.RefreshEvery {
			return key.ID()
		}
	}
	return ""
}

// What a thief of a revoked key makes is refused when a verifier has asked
// again: after what it keeps and the HTTP cache before it; ours die by their
// age, and the next key's are taken at once.
func TestRevokedKeyDiesWithTheVerifiersMemory(t *testing.T) {
	t.Parallel()
	runFleet(t, 30*24*time.Hour, func(f *fleet) {
		sleep(2 * time.Hour)
		f.judge(f.mint())
		stolen, err := f.rings[0].Signing(time.Now())
		if err != nil {
			f.t.Fatal(err)
		}
		if err := f.rings[0].Revoke(f.t.Context(), stolen.ID(), time.Now()); err != nil {
			f.t.Fatal(err)
		}
		revoked := time.Now()
		died := make([]time.Duration, len(f.verifiers))
		for time.Since(revoked) < 2*time.Hour {
			forged, err := f.services[0].Mint(stolen, f.subject, time.Now())
			if err != nil {
				f.t.Fatal(err)
			}
			ours, err := f.minters[0].Token(f.services[0], f.subject, time.Now())
			if err != nil {
				f.t.Fatal(err)
			}
			for i, v := range f.verifiers {
				v.refresh(f.t)
				if err := v.verify(ours.Text()); err != nil {
					f.t.Fatal("a token of the next key:", err)
				}
				if v.verify(forged.Text()) != nil {
					if died[i] == 0 {
						died[i] = time.Since(revoked)
					}
				} else if died[i] != 0 {
					f.t.Fatal("a revoked key came back to life")
				}
			}
			sleep(10 * time.Second)
		}
		for i, v := range f.verifiers {
			if most := v.keeps + token.MaxAge + token.RefreshEvery + 10*time.Second; died[i] == 0 || died[i] > most {
				f.t.Errorf("a verifier that keeps keys for %v took the revoked key for %v, more than %v", v.keeps, died[i], most)
			}
			f.t.Logf("keeps %v: refused after %v", v.keeps, died[i])
		}
	})
}
