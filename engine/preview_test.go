package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/routes"
)

const previewed = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE }
monolith: monolith
routes:
  - { name: json, match: "GET /faq/{id}", when: { headers: { Accept: application/json } }, service: s, owner: o, sticky: "header:X-Tenant", fallback: [connect] }
  - { name: html, match: "/faq/{id}", service: s, owner: o, sticky: "cookie:tenant", fallback: [connect] }
  - { name: visitors, match: "/visitors/{id}", service: s, owner: o, sticky: visitor, cohort: all, fallback: [connect] }
  - { name: fixed, match: "/fixed/{id}", service: s, owner: o, percent: 100, fallback: [connect] }
  - { name: bare, match: "/bare/{id}", owner: o }
`

// sent is one request of a test.
type sent struct {
	method, path string
	header       http.Header
}

// crowd are n random requests for the routes of previewed. Each has a path of
// its own, by which it is found again.
func (b *bed) crowd(n int) []sent {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]sent, n)
	for i := range all {
		s := sent{method: "GET", header: http.Header{}}
		folder := []string{"faq", "faq", "visitors", "fixed", "bare", "nowhere"}[random.IntN(6)]
		s.path = fmt.Sprintf("/%s/%d", folder, i)
		if random.IntN(5) == 0 {
			s.method = http.MethodPost
		}
		if random.IntN(2) == 0 {
			s.header.Set("Accept", "application/json")
		}
		if random.IntN(4) > 0 {
			s.header.Set("X-Tenant", fmt.Sprint("t", random.IntN(50)))
		}
		cookie := fmt.Sprint("tenant=c", random.IntN(50))
		if random.IntN(4) > 0 {
			_, value := b.visitors.Load().Mint()
			cookie += "; " + identity.VisitorCookie + "=" + value
		}
		s.header.Set("Cookie", cookie)
		all[i] = s
	}
	return all
}

// play sends requests and returns what was decided, by path.
func (b *bed) play(all []sent) map[string]routes.Decision {
	b.t.Helper()
	b.results = make(chan Result, 1)
	decided := map[string]routes.Decision{}
	for _, s := range all {
		b.do(s.method, s.path, s.header)
		decided[s.path] = (<-b.results).Decision
	}
	return decided
}

// TestWhatIsForetoldHappens asks what a share or a table would change, makes the
// change, sends the same requests again and compares one by one.
func TestWhatIsForetoldHappens(t *testing.T) {
	t.Parallel()
	edit := func(from, to string) func(*bed) (Preview, func(), error) {
		return func(b *bed) (Preview, func(), error) {
			table := strings.ReplaceAll(previewed, from, to)
			p, err := b.PreviewTable("draft.yaml", []byte(b.table(table)), MaxExamples)
			return p, func() { b.write(table); must(b.t, b.Reload()) }, err
		}
	}
	share := func(route, percent string) func(*bed) (Preview, func(), error) {
		return func(b *bed) (Preview, func(), error) {
			ppm, err := routes.ParsePercent(percent)
			must(b.t, err)
			p, err := b.PreviewShare(route, ppm, MaxExamples)
			return p, func() { b.set(route, percent) }, err
		}
	}
	for name, draft := range map[string]func(*bed) (Preview, func(), error){
		"a higher share":       share("json", "60"),
		"a lower share":        share("html", "5.5"),
		"everybody":            share("visitors", "100"),
		"from nothing":         share("visitors", "50"),
		"another condition":    edit("Accept: application/json", "Accept: { prefix: text/ }"),
		"no condition":         edit("when: { headers: { Accept: application/json } }, ", ""),
		"a route goes":         edit("name: html, match: \"/faq/{id}\"", "name: html, match: \"/faq/x/{id}\""),
		"a declared share":     edit("sticky: \"cookie:tenant\"", "percent: 70, sticky: \"cookie:tenant\""),
		"a service comes":      edit("{ name: bare, match: \"/bare/{id}\", owner: o", "{ name: bare, match: \"/bare/{id}\", owner: o, service: s, percent: 100, fallback: [connect]"),
		"another key":          edit("sticky: \"header:X-Tenant\"", "sticky: \"header:X-Other\""),
		"another name, salt":   edit("name: json", "name: json2"),
		"nothing":              edit("never", "there"),
		"a condition not kept": edit("headers: { Accept: application/json }", "headers: { X-New: \"1\" }"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, previewed)
			b.Remember(1000)
			eventually(t, "all is known", func() bool { s := b.Status().Store; return s.Known && s.Visitors && s.Salts == 0 })
			b.set("json", "30")
			b.set("html", "40")
			all := b.crowd(400)
			before := b.play(all)
			p, change, err := draft(b)
			must(t, err)
			equal(t, "considered", p.Considered, len(all))
			equal(t, "moved since", p.Moved, 0)
			change()
			eventually(t, "salts", func() bool { return b.Status().Store.Salts == 0 })
			b.foretold(&p, before, b.play(all))
		})
	}
}

// foretold compares a preview with what happened.
func (b *bed) foretold(p *Preview, before, after map[string]routes.Decision) {
	b.t.Helper()
	said := map[string]Example{}
	for _, x := range p.Examples {
		said[x.Path] = x
	}
	toService, toMonolith, toRoute, unforetold := 0, 0, 0, 0
	for path, now := range before {
		then := after[path]
		x, foretold := said[path]
		changed := now.Arm != then.Arm || now.Route != then.Route
		switch {
		case foretold && (x.From != now || x.To != then):
			b.t.Errorf("%s: foretold %+v → %+v, was %+v → %+v", path, x.From, x.To, now, then)
		case changed && !foretold:
			unforetold++
			continue
		}
		if now.Arm != then.Arm && then.Arm == routes.Service {
			toService++
		} else if now.Arm != then.Arm {
			toMonolith++
		}
		if now.Route != then.Route {
			toRoute++
		}
	}
	equal(b.t, "to the service", p.ToService, toService)
	equal(b.t, "to the monolith", p.ToMonolith, toMonolith)
	equal(b.t, "to another route", p.ToRoute, toRoute)
	if unforetold > p.Unknown {
		b.t.Errorf("%d changes were not foretold, %d are unknown: %+v", unforetold, p.Unknown, p.Why)
	}
	sum := 0
	for _, u := range p.Why {
		sum += u.Count
	}
	equal(b.t, "the sum of what is unknown", sum, p.Unknown)
	b.t.Logf("%d to the service, %d to the monolith, %d to another route, %d unknown %+v", toService, toMonolith, toRoute, p.Unknown, p.Why)
}

func TestPreviewSaysWhatItCannotJudge(t *testing.T) {
	t.Parallel()
	b := newBed(t, previewed)
	b.Remember(100)
	eventually(t, "all is known", func() bool { s := b.Status().Store; return s.Known && s.Visitors && s.Salts == 0 })
	b.do("GET", "/visitors/1", nil)
	b.do("GET", "/faq/"+strings.Repeat("x", 250), nil)
	p, err := b.PreviewShare("visitors", routes.One/4, 20)
	must(t, err)
	equal(t, "unknown", p.Unknown, 2)
	for _, u := range p.Why {
		if u.Why != "new visitors get their bucket by chance" && u.Why != "the path is longer than what is kept of it" {
			t.Errorf("%+v", u)
		}
	}
	draft := strings.ReplaceAll(b.table(previewed), "Accept: application/json", "X-New: \"1\"")
	b.do("GET", "/faq/1", nil)
	p, err = b.PreviewTable("draft.yaml", []byte(draft), 20)
	must(t, err)
	if p.Unknown != 2 || p.Why[0].Why != "of header X-New not enough is kept" && p.Why[1].Why != "of header X-New not enough is kept" {
		t.Errorf("%+v", p.Why)
	}
}

func TestPreviewOfWhatIsHeldAndBraked(t *testing.T) {
	t.Parallel()
	b := newBed(t, previewed)
	b.Remember(100)
	b.set("json", "0")
	header := http.Header{"Accept": {"application/json"}, "X-Tenant": {"t"}}
	b.do("GET", "/faq/1", header)
	_, err := b.Hold(context.Background(), "json", time.Time{}, act)
	must(t, err)
	p, err := b.PreviewShare("json", routes.One, 20)
	must(t, err)
	if !p.Held || p.Changed != 0 {
		t.Errorf("held: %+v", p)
	}
	_, err = b.Release(context.Background(), "json", act)
	must(t, err)
	p, err = b.PreviewShare("json", routes.One, 20)
	must(t, err)
	if p.Held || p.ToService != 1 {
		t.Errorf("released: %+v", p)
	}
	_, err = b.Brake(context.Background(), act)
	must(t, err)
	p, err = b.PreviewShare("json", routes.One, 20)
	must(t, err)
	if !p.Brake || p.Changed != 0 {
		t.Errorf("braked: %+v", p)
	}
}

func TestPreviewOfAFlag(t *testing.T) {
	t.Parallel()
	memory := new(flags.Memory)
	memory.Set(map[string]bool{"tickets-service": true})
	b := newBed(t, flagged, withFlags(t, memory))
	b.Remember(10)
	eventually(t, "on", func() bool { return b.servedBy("/flagged/1", nil) == "service" })
	b.Remember(9) // forgets
	b.do("GET", "/flagged/2", nil)
	same, err := b.PreviewTable("draft.yaml", []byte(b.table(flagged)), 20)
	must(t, err)
	other, err := b.PreviewTable("draft.yaml", []byte(strings.Replace(b.table(flagged), "flag: tickets-service", "flag: other", 1)), 20)
	must(t, err)
	asked, err := b.PreviewTable("draft.yaml", []byte(strings.Replace(b.table(flagged), "flag: tickets-service", "flag: tickets-service, flag_attributes: [path]", 1)), 20)
	must(t, err)
	equal(t, "unknown when the flag is asked otherwise", asked.Unknown, 1)
	fixed, err := b.PreviewTable("draft.yaml", []byte(strings.Replace(b.table(flagged), "flag: tickets-service", "percent: 0", 1)), 20)
	must(t, err)
	if same.Considered != 1 || same.Changed+same.Unknown+same.Moved != 0 || other.Unknown != 1 || fixed.ToMonolith != 1 {
		t.Errorf("same %+v, other %+v, fixed %+v", same, other, fixed)
	}
}

func TestPreviewIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t, previewed)
	_, err := b.PreviewShare("json", 1, 1)
	if !errors.Is(err, ErrNotRemembered) || HTTPStatus(err) != http.StatusUnprocessableEntity {
		t.Error(err)
	}
	b.Remember(10)
	for route, want := range map[string]error{"jsn": ErrUnknownRoute, "bare": ErrNoService, "fixed": ErrDeclared} {
		if _, err := b.PreviewShare(route, 1, 1); !errors.Is(err, want) {
			t.Errorf("%s: %v", route, err)
		}
	}
	version := b.Table().Version()
	_, err = b.PreviewTable("draft.yaml", []byte("routes: 7"), 1)
	if refused, ok := errors.AsType[*RefusedError](err); !ok || refused.Problems[0].File != "draft.yaml" {
		t.Error(err)
	}
	equal(t, "the running table", b.Table().Version(), version)
	if b.Status().Refused != nil {
		t.Error("a refused draft is shown as a refused table")
	}
	b.Remember(0)
	if _, err := b.PreviewTable("d", []byte(b.table(previewed)), 1); !errors.Is(err, ErrNotRemembered) {
		t.Error(err)
	}
}
