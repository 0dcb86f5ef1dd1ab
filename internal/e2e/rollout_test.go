package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/routes"
)

const people = 300

// crowd is many users, each with cookies of its own.
type crowd struct {
	t    *testing.T
	url  string
	jars []*http.Client
}

func newCrowd(t *testing.T, url string) *crowd {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	c := &crowd{t: t, url: url}
	for range people {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.jars = append(c.jars, &http.Client{Transport: transport, Jar: jar})
	}
	return c
}

// ask lets each user ask once and returns who was answered by the service.
func (c *crowd) ask() (onService []bool) {
	c.t.Helper()
	for i, client := range c.jars {
		response, err := client.Get(fmt.Sprintf("%s/v1/faq/%d", c.url, i%7+1))
		if err != nil {
			c.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"question"`) {
			c.t.Fatalf("user %d: %s, %v\n%s", i, response.Status, err, body)
		}
		by := response.Header.Get("X-Served-By")
		if by != "monolith" && by != "faq-service" {
			c.t.Fatalf("user %d was served by %q", i, by)
		}
		onService = append(onService, by == "faq-service")
	}
	return onService
}

func count(onService []bool) (n int) {
	for _, on := range onService {
		if on {
			n++
		}
	}
	return n
}

func (c *crowd) wantSame(when string, want []bool) {
	c.t.Helper()
	got := c.ask()
	for i := range want {
		if want[i] != got[i] {
			c.t.Errorf("%s: user %d: on the service %v, before %v", when, i, got[i], want[i])
		}
	}
}

func (c *crowd) wantAll(when string, onService bool) {
	c.t.Helper()
	want := 0
	if onService {
		want = people
	}
	if got := count(c.ask()); got != want {
		c.t.Errorf("%s: %d of %d users on the service, want %d", when, got, people, want)
	}
}

// The main job: a quarter of the users is answered by the service, each always
// by the same side; a hold brings everybody back; the table is edited by hand.
func TestRouteMovesToItsService(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	service := testbed.StartFAQ(t, django.Database())
	config := helpdeskConfig(django.Address, service.Address)
	proxy := testbed.StartStrangler(t, config)
	_, table := config(proxy.Address, proxy.Admin)
	users := newCrowd(t, proxy.URL(""))

	users.wantAll("before anything", false)
	proxy.MustCommand(t, "rollout", "set", "faq-read", "25", "--reason", "first users")
	quarter := users.ask()
	// Four standard deviations around 25 %: less than one run in 10,000 is off.
	if n := count(quarter); n < people*16/100 || n > people*34/100 {
		t.Errorf("%d of %d users on the service, want about a quarter", n, people)
	}
	users.wantSame("asking again", quarter)

	proxy.MustCommand(t, "rollout", "hold", "faq-read", "--reason", "looks odd")
	users.wantAll("held", false)
	proxy.MustCommand(t, "rollout", "release", "faq-read", "--reason", "was fine")
	users.wantSame("released", quarter)
	proxy.MustCommand(t, "brake", "incident 4711")
	users.wantAll("braked", false)
	proxy.MustCommand(t, "brake", "release", "--reason", "over")
	users.wantSame("brake released", quarter)

	proxy.MustCommand(t, "rollout", "set", "faq-read", "50")
	half := users.ask()
	for i := range quarter {
		if quarter[i] && !half[i] {
			t.Errorf("raising the share moved user %d back", i)
		}
	}
	if n := count(half); n < people*40/100 || n > people*60/100 {
		t.Errorf("%d of %d users on the service, want about half", n, people)
	}

	proxy.Stop()
	proxy.Start()
	users.wantSame("restarted", half)
	t.Run("edit", func(t *testing.T) { editByHand(t, proxy, users, table, half) })
}

func editByHand(t *testing.T, proxy *testbed.Strangler, users *crowd, table string, half []bool) {
	t.Helper()
	// A typo is refused with its line; what ran goes on.
	typo := strings.Replace(table, "sticky: user", "stikcy: user", 1)
	line := strings.Count(typo[:strings.Index(typo, "stikcy")], "\n") + 1
	proxy.EditRoutes(t, typo)
	status := proxy.WaitStatus(t, "the typo to be refused", func(s engine.Status) bool { return s.Refused != nil })
	place := fmt.Sprintf("routes.yaml:%d:", line)
	problem := status.Refused.Problems[0].String()
	if !strings.Contains(problem, place) || !strings.Contains(problem, "stikcy") || !strings.Contains(problem, "sticky") {
		t.Errorf("the refusal %q has not the place %s, the typo and what was meant", problem, place)
	}
	if out := proxy.MustCommand(t, "rollout", "status"); !strings.Contains(out, place) {
		t.Errorf("rollout status does not show %s:\n%s", place, out)
	}
	users.wantSame("after the typo", half)

	// A good edit is live at once, and what it declares no verb changes.
	const byItself = "    rollout:\n      steps: [25, 100]\n      every: 30s\n      gates: { compared: 300, mismatch_below: 5 }\n"
	if !strings.Contains(table, byItself) {
		t.Fatal("the first route's rollout is another, which a declared share is not together with")
	}
	proxy.EditRoutes(t, strings.Replace(strings.Replace(table, byItself, "", 1), "sticky: user", "sticky: user\n    percent: 100", 1))
	proxy.WaitStatus(t, "the edit to be live", func(s engine.Status) bool { return s.Refused == nil && s.Table.Version != status.Table.Version })
	users.wantAll("declared 100 %", true)
	_, err := proxy.Command("rollout", "set", "faq-read", "5")
	var refused *testbed.CommandError
	if !errors.As(err, &refused) || !strings.Contains(refused.Output, fmt.Sprintf("routes.yaml:%d", line+1)) {
		t.Errorf("changing a declared share: %v", err)
	}
	var explained routes.Explanation
	out := proxy.MustCommand(t, "routes", "explain", "GET", proxy.URL("/v1/faq/1"), "--json")
	if err := json.Unmarshal([]byte(out), &explained); err != nil {
		t.Fatal(err)
	}
	if d := explained.Decision; d.Route != "faq-read" || d.Reason != routes.ReasonFull || d.Arm != routes.Service {
		t.Errorf("explain says %+v", d)
	}

	// Without the declaration the share is again what the verbs said.
	proxy.EditRoutes(t, table)
	proxy.WaitStatus(t, "the old table", func(s engine.Status) bool { return s.Table.Version == status.Table.Version })
	users.wantSame("edited back", half)
}
