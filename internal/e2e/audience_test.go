package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// audience looks at the queue of tickets at a steady rate, one visitor after
// the other, each with cookies of its own. Every answer must be right.
type audience struct {
	t        *testing.T
	url      string
	visitors []*http.Client
	next     int
	answered [2]atomic.Int64 // by the monolith, by the service

	stop chan struct{}
	all  sync.WaitGroup
}

const (
	// visitors are so many that 1 % of them are more than a few.
	visitors = 2000
	// pause is the time between two of them, and atOnce how many may wait: a slow
	// machine is asked less often.
	pause  = 8 * time.Millisecond
	atOnce = 16
)

func newAudience(t *testing.T, url string) *audience {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: atOnce}
	t.Cleanup(transport.CloseIdleConnections)
	a := &audience{t: t, url: url}
	for range visitors {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		a.visitors = append(a.visitors, &http.Client{Transport: transport, Jar: jar, Timeout: 30 * time.Second})
	}
	t.Cleanup(a.leave)
	return a
}

// come lets them look until they leave.
func (a *audience) come() {
	stop := make(chan struct{})
	a.stop = stop
	a.all.Go(func() {
		free := make(chan struct{}, atOnce)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			free <- struct{}{}
			visitor := a.visitors[a.next%visitors]
			a.next++
			a.all.Go(func() {
				defer func() { <-free }()
				if err := a.look(visitor); err != nil {
					a.t.Errorf("a visitor was not answered: %v", err)
				}
			})
		}
	})
}

// leave waits for the last answers. They may come again.
func (a *audience) leave() {
	if a.stop != nil {
		close(a.stop)
		a.stop = nil
	}
	a.all.Wait()
}

func (a *audience) look(visitor *http.Client) error {
	response, err := visitor.Get(a.url + "/v1/tickets/")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"tickets"`) {
		return fmt.Errorf("%s, %w: %s", response.Status, err, body)
	}
	switch by := response.Header.Get("X-Served-By"); by {
	case "monolith":
		a.answered[0].Add(1)
	case "tickets-service":
		a.answered[1].Add(1)
	default:
		return fmt.Errorf("served by %q", by)
	}
	return nil
}

// wantOnly lets some visitors more look, who must all be answered by one side.
func (a *audience) wantOnly(when string, service bool) {
	a.t.Helper()
	a.leave()
	before := [2]int64{a.answered[0].Load(), a.answered[1].Load()}
	for range 50 {
		if err := a.look(a.visitors[a.next%visitors]); err != nil {
			a.t.Fatal(err)
		}
		a.next++
	}
	monolith, byService := a.answered[0].Load()-before[0], a.answered[1].Load()-before[1]
	if service && monolith > 0 || !service && byService > 0 {
		a.t.Errorf("%s: %d answers by the monolith, %d by the service", when, monolith, byService)
	}
	a.come()
}
