package notify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
)

func TestEveryChangeArrivesInOrder(t *testing.T) {
	t.Parallel()
	b, r := newBed(t), newReceiver(t)
	b.set(t, "before", 3) // before it was configured
	s := b.sender(t, fast, r.webhook(t))
	ids := b.set(t, "a", 250)
	r.wants(t, ids, false)
	status := eventually(t, s, s.Status()[0].Name, func(s Status) bool { return s.Cursor == 253 })
	if status.Delivered != 250 || status.Behind != 0 || status.Error != "" || !status.Waiting.IsZero() {
		t.Errorf("%+v", status)
	}
}

func TestAnEventIsTheRecordOfTheJournal(t *testing.T) {
	t.Parallel()
	b, r := newBed(t), newReceiver(t)
	b.sender(t, fast, r.webhook(t))
	b.set(t, "a", 1)
	made, err := b.ledger.Hold(t.Context(), "a", time.Time{}, rollout.Act{By: "anna", Reason: "odd <b>", Source: rollout.SourceConsole})
	if err != nil {
		t.Fatal(err)
	}
	r.next(t)
	var got Event
	if err := json.Unmarshal(r.next(t).body, &got); err != nil {
		t.Fatal(err)
	}
	want := Event{Version: 1, ID: made.ID, Type: "rollout.hold", Timestamp: made.At, Summary: `a: anna hold: "odd <b>"`, Data: made}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFailuresAreTriedAgain has a receiver that fails in every way before it
// takes an event: at once, and in later rounds.
func TestFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request){
		"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"404": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"429 for a day": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"a broken answer": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599); panic(http.ErrAbortHandler) },
		"an endless answer": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, r := newBed(t), newReceiver(t)
			seen := make(chan string, 100)
			r.answers(func(nth int, w http.ResponseWriter, request *http.Request) {
				if request.URL.Path != "/TEAM0/secret-path" {
					t.Errorf("it came to %s", request.URL.Path)
				}
				if nth%6 != 0 {
					seen <- request.Header.Get("Webhook-Id")
					fail(w, request)
				}
			})
			s := b.sender(t, fast, r.webhook(t))
			ids := b.set(t, "a", 2)
			r.wants(t, ids, false)
			for i := range 10 {
				if id := <-seen; id != ids[i/5] {
					t.Errorf("attempt %d was of %s", i, id)
				}
			}
			status := eventually(t, s, s.Status()[0].Name, func(s Status) bool { return s.Delivered == 2 })
			if status.Failed == 0 || status.Error != "" {
				t.Errorf("%+v", status)
			}
		})
	}
}

// TestABadReceiverHoldsUpNobody has one that is not there and one that never
// answers beside one that is well.
func TestABadReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b, good, hung, dead := newBed(t), newReceiver(t), newReceiver(t), newReceiver(t)
	release := make(chan struct{})
	hung.answers(func(_ int, w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	t.Cleanup(func() { close(release) })
	dead.kill()
	webhooks := []Webhook{hung.webhook(t), dead.webhook(t), good.webhook(t)}
	webhooks[0].Name, webhooks[1].Name, webhooks[2].Name = "hung", "dead", "good"
	s := b.sender(t, fast, webhooks...)
	started := time.Now()
	ids := b.set(t, "a", 100)
	good.wants(t, ids, false)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("100 changes took %v", took)
	}
	status := eventually(t, s, "dead", func(s Status) bool { return s.Behind == 100 && s.Failed > 0 })
	if status.Error == "" || status.ErrorAt.IsZero() || status.Waiting.IsZero() || status.Failed == 0 || status.Delivered > 0 {
		t.Errorf("%+v", status)
	}
	status = eventually(t, s, "hung", func(s Status) bool { return s.Failed > 0 })
	if !strings.Contains(status.Error, "exceeded") {
		t.Errorf("%+v", status)
	}
}

// TestNothingIsLostOverRestarts kills receiver and sender in turn.
func TestNothingIsLostOverRestarts(t *testing.T) {
	t.Parallel()
	b, r := newBed(t), newReceiver(t)
	webhook := r.webhook(t)
	var ids []string
	for round := range 6 {
		s := b.sender(t, fast, webhook)
		ids = append(ids, b.set(t, "a", 10)...)
		switch round % 3 {
		case 0: // the sender ends in the middle
			s.Close()
			ids = append(ids, b.set(t, "a", 10)...)
		case 1: // the receiver is away for a while
			r.kill()
			ids = append(ids, b.set(t, "a", 10)...)
			eventually(t, s, s.Status()[0].Name, func(s Status) bool { return s.Error != "" })
			r.start(r.address)
			s.Close()
		default: // both
			r.kill()
			s.Close()
			r.start(r.address)
		}
	}
	b.sender(t, fast, webhook)
	r.wants(t, ids, true)
}

func TestAnOldEventIsGivenUp(t *testing.T) {
	t.Parallel()
	b, r := newBed(t), newReceiver(t)
	impatient := fast
	impatient.patience = 30 * time.Millisecond
	ids := make(chan string, 1)
	r.answers(func(_ int, w http.ResponseWriter, request *http.Request) {
		select {
		case ids <- request.Header.Get("Webhook-Id"):
		default:
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	s := b.sender(t, impatient, r.webhook(t))
	first := b.set(t, "a", 1)[0]
	eventually(t, s, s.Status()[0].Name, func(s Status) bool { return s.Skipped == 1 && s.Cursor == 1 })
	if id := <-ids; id != first {
		t.Errorf("%s was tried, not %s", id, first)
	}
	if log := b.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "is given up") || !strings.Contains(log, first) {
		t.Error(log)
	}
	r.answers(nil)
	r.wants(t, b.set(t, "a", 1), false)
}

func TestOnlyWhatIsWantedIsSent(t *testing.T) {
	t.Parallel()
	b, r := newBed(t), newReceiver(t)
	webhook := r.webhook(t)
	webhook.Only = Filter{Verbs: []rollout.Verb{rollout.VerbHold, rollout.VerbBrake}, Sources: []string{rollout.SourceCLI}, Routes: []string{"a"}}
	s := b.sender(t, fast, webhook)
	act := rollout.Act{By: "anna", Reason: "odd", Source: rollout.SourceCLI}
	made := b.made(t)
	b.set(t, "a", 1)
	made(b.ledger.Hold(t.Context(), "b", time.Time{}, act))
	first := made(b.ledger.Hold(t.Context(), "a", time.Time{}, act))
	made(b.ledger.Release(t.Context(), "a", act))
	second := made(b.ledger.Brake(t.Context(), act))
	other := act
	other.Source = rollout.SourceAPI
	made(b.ledger.Hold(t.Context(), "a", time.Time{}, other))
	r.wants(t, []string{first, second}, false)
	eventually(t, s, s.Status()[0].Name, func(s Status) bool { return s.Cursor == 6 && s.Behind == 0 })
}

// TestReloads puts configurations over each other as overlapping reloads do.
func TestReloads(t *testing.T) {
	t.Parallel()
	b, one, two := newBed(t), newReceiver(t), newReceiver(t)
	s := b.sender(t, fast)
	use := func(webhooks ...Webhook) func() {
		t.Helper()
		complete, err := Check(webhooks)
		if err != nil {
			t.Fatal(err)
		}
		return s.Use(complete)
	}
	first := use(one.webhook(t))
	ids := b.set(t, "a", 3)
	second := use(one.webhook(t), two.webhook(t))
	more := b.set(t, "a", 3)
	one.wants(t, append(ids, more...), false)
	two.wants(t, more, false)
	settled := func(seq uint64) { // else what is under way comes again
		for _, status := range s.Status() {
			eventually(t, s, status.Name, func(s Status) bool { return s.Cursor == seq })
		}
	}
	settled(6)
	first() // the older generation ends late
	third := use(two.webhook(t))
	third() // and one is refused after all
	more = b.set(t, "a", 3)
	one.wants(t, more, false)
	two.wants(t, more, false)
	settled(9)
	second()
	if status := s.Status(); len(status) != 0 {
		t.Errorf("%+v", status)
	}
	more = b.set(t, "a", 3)
	use(two.webhook(t))
	two.wants(t, more, false) // it goes on where it was
	if n := len(one.arrived); n > 0 {
		t.Errorf("%d came to one that is not used", n)
	}
}

// TestNothingSecretIsShown looks for the secret and the URL's path in all that
// a failing webhook says.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	b, r := newBed(t), newReceiver(t)
	r.kill()
	webhook := r.webhook(t)
	s := b.sender(t, fast, webhook)
	b.set(t, "a", 1)
	status := eventually(t, s, s.Status()[0].Name, func(s Status) bool { return s.Failed > 1 })
	text, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	webhook.URL = ""
	shown := b.log.String() + string(text) + fmt.Sprintf("%v %+v %#v %s %x %q", webhook, webhook, webhook, webhook.Secret, webhook.Secret, webhook.Secret)
	for _, secret := range []string{"secret-path", "TEAM0", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "31f290f6", string(webhook.Secret)} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown: %s", secret, shown)
		}
	}
	if !strings.Contains(shown, "connection refused") {
		t.Error(shown)
	}
}
