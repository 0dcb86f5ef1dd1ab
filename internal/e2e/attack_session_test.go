package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// tossedCookies are planted beside somebody's own, by another site of the domain.
func (a *attacked) tossedCookies(t *testing.T, alice, bob *person) {
	t.Helper()
	one, two := "sessionid="+alice.session(), "sessionid="+bob.session()
	for _, lines := range [][]string{
		{one + "; " + two}, {two + "; " + one}, {one, two}, {one + ";" + two}, {one + "; sessionid=" + `"` + bob.session() + `"`}, {"x=1; " + one, "y=2; " + two},
		{one + "; sessionid="}, {"sessionid=; " + one}, {one + "; sessionid =" + bob.session()}, {one + "; \tsessionid=" + bob.session()}, {one + ", " + two},
		{one + "; SESSIONID=" + bob.session()}, {one + "; $Version=1; " + two}, {strings.Repeat("a=1; ", 100) + one + "; " + two},
	} {
		response, text := a.send(t, http.MethodGet, "/me", http.Header{"Cookie": lines})
		if response.Header.Get("X-Served-By") != "knowing-service" {
			continue // the monolith reads them as it does
		}
		var me struct{ Sub string }
		_, who := a.send(t, http.MethodGet, "/who", http.Header{"Cookie": lines})
		var said struct{ User any }
		if err := json.Unmarshal([]byte(text), &me); err != nil || json.Unmarshal([]byte(who), &said) != nil || me.Sub != fmt.Sprint(said.User) {
			t.Errorf("%.200q: the service knows %s, the monolith %s", lines, text, who)
		}
		if strings.Count(strings.Join(lines, ";"), "sessionid=") > 1 {
			t.Errorf("%.200q: the service serves it", lines)
		}
	}
}

// fixation: the attacker gave the victim a session, and waits for the login.
func (a *attacked) fixation(t *testing.T, _, _ *person) {
	t.Helper()
	victim := newPerson(t, a.proxy.URL(""))
	if _, _, text := victim.get("/cart"); !strings.Contains(text, "1") {
		t.Fatal(text)
	}
	attacker := victim.thief()
	if before := victim.session(); before == "" || attacker.me() != nil {
		t.Fatalf("before the login: session %q, %v", before, attacker.me())
	}
	victim.send(a.page, a.action, a.fill("bob"))
	if me := victim.me(); me == nil || victim.session() == attacker.session() {
		t.Errorf("after the login the victim is %v", me)
	}
	if me := attacker.me(); me != nil {
		t.Errorf("the attacker is %v", me)
	}
}

// pickles are put where the monolith keeps its sessions.
func (a *attacked) pickles(t *testing.T, alice, _ *person) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: a.store.Address, DB: 1})
	defer client.Close()
	file := filepath.Join(t.TempDir(), "called")
	before := peak(t, a.proxy.PID())
	for what, pickle := range map[string]string{
		"a call":    "\x80\x04cos\nsystem\n(S'touch " + file + "'\ntR.",
		"large":     "\x80\x04}\x8c\x01aB\x00\x00\x20\x00" + strings.Repeat("x", 2<<20) + "s.",
		"nested":    "\x80\x04" + strings.Repeat("]", 500_000) + strings.Repeat("a", 499_999) + ".",
		"in itself": "\x80\x04}\x94h\x00h\x00s.",
		"doubling":  "\x80\x04]\x94" + strings.Repeat("(h\x00h\x00h\x00h\x00l\x940", 50_000) + ".",
		"claimed":   "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
	} {
		id := strings.ToLower(rand.Text() + rand.Text())[:32]
		if err := client.Set(t.Context(), ":1:django.contrib.sessions.cache"+id, pickle, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if response, text := a.send(t, http.MethodGet, "/me", http.Header{"Cookie": {"sessionid=" + id}}); response.Header.Get("X-Served-By") != "" {
			t.Errorf("%s: the service says %s", what, text)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", what, took)
		}
	}
	// Django does what pickles say; for /me it has no page, and does not look.
	if _, err := os.Stat(file); err == nil {
		t.Error("the pickle was run")
	}
	if got := a.proxy.Status(t).Identity.Sessions.Lookups; got["undecodable"] < 5 {
		t.Errorf("the lookups came to %v", got)
	}
	// Of which 64 MiB are garbage that is left lying while routes are mirrored.
	if grown := peak(t, a.proxy.PID()) - before; grown > 128<<10 {
		t.Errorf("the proxy's memory grew by %d KiB", grown)
	}
	if alice.me() == nil {
		t.Error("nobody is known afterwards")
	}
}

// peak is the most memory that a process ever had, in KiB.
func peak(t *testing.T, pid int) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

func (a *attacked) deleted(t *testing.T, _, bob *person) {
	t.Helper()
	if bob.me() == nil {
		t.Fatal("bob is not known")
	}
	response, err := http.Get(a.URL("/delete/bob"))
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	testbed.WaitFor(t, "bob is nobody", func() bool { return bob.me() == nil })
}
