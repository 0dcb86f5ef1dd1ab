package shadow_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
)

// TestALoopIsNoComparison: an answer that says that the shadow has a shadow itself is
// not compared, and says so at once; one comparison beside it does not end that, as of
// two URLs one may be right. What a client wrote has no part in it, and an echo of the
// mark is none.
func TestALoopIsNoComparison(t *testing.T) {
	t.Parallel()
	clock := newClock()
	var looped atomic.Bool
	alarms := make(chan string, 10)
	b := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
		w.Header()[shadow.MarkHeader] = r.Header[shadow.MarkHeader]
		w.Header().Set(shadow.NotMirroredHeader, r.Header.Get("X-Said"))
		if looped.Load() {
			w.Header().Set(shadow.NotMirroredHeader, shadow.NotMirrored)
		}
		says(`1`)(w, r)
	}, withClock(clock), func(o *shadow.Options, _ *shadow.Settings, _ *bed) {
		o.Now, o.Alarm = clock.now, func(_, reason string) { alarms <- reason }
	})
	ends := func(n int, want string) {
		t.Helper()
		b.get(t, "/", shadow.NotMirroredHeader, shadow.NotMirrored, "X-Said", "x")
		if rec := b.records.wait(t, n)[n-1]; strings.TrimSpace(rec.Bucket.String()+" "+rec.Why) != want {
			t.Errorf("%s %s, want %s", rec.Bucket, rec.Why, want)
		}
	}
	ends(1, "equal")
	looped.Store(true)
	ends(2, "not_comparable looped")
	if reason := <-alarms; !strings.Contains(reason, "the shadow faq is a Strangler") || !strings.Contains(reason, "url of target faq") {
		t.Error(reason)
	}
	looped.Store(false)
	ends(3, "equal")
	clock.forward(30 * time.Second)
	ends(4, "equal")
	if alarm := b.status().Alarm; alarm == "" {
		t.Error("a comparison soon after ended it")
	}
	clock.forward(time.Minute)
	ends(5, "equal")
	if reason := <-alarms; reason != "" {
		t.Errorf("it goes on: %s", reason)
	}
	looped.Store(true)
	ends(6, "not_comparable looped")
	if reason := <-alarms; reason == "" {
		t.Error("no alarm again")
	}
	looped.Store(false)
	b.settings.Service.URLs = []string{b.service.URL + "/"}
	if err := b.mirrors.Apply([]shadow.Settings{b.settings}); err != nil {
		t.Fatal(err)
	}
	if reason := <-alarms; reason != "" {
		t.Errorf("another address does not end it: %s", reason)
	}
}
