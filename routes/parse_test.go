package routes

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestParseReadsEveryField has each field of a document once, and aliases and
// merge keys.
func TestParseReadsEveryField(t *testing.T) {
	t.Parallel()
	doc, problems := Parse("all.yaml", read(t, "testdata/all.yaml"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	share := PPM(125_000)
	berlin, err := ParseSchedule("Mon-Fri 09:00-16:00 Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	defaults := DefaultRollout()
	defaults.Guards = Guards{P99AboveMonolith: 2, Consecutive: 2} // guards is a whole
	plain := DefaultShadow()
	all := &Route{
		Name: "all", Match: "www.example.com/v1/{id}/{rest...}", Methods: []string{"GET", "POST"},
		When: When{
			Headers: map[string]Condition{
				"Accept":   {Exact, "text/html"},
				"X-Tenant": {Prefix, "acme-"},
			},
			Query:   map[string]Condition{"v": {Exact, "2"}, "debug": {Kind: Absent}},
			Cookies: map[string]Condition{"beta": {Kind: Present}, "lang": {Regexp, "^(de|en)$"}},
		},
		Owner: "kb", Docs: "https://wiki.example.com/all", Service: "faq",
		Sticky: Sticky{StickyHeader, "X-Tenant"}, Percent: &share, Cohort: "faq",
		Rewrite: "/{id}/{rest...}", Timeout: 2500 * time.Millisecond,
		Fallback: Fallback{Declared: true, Connect: true, Timeout: true, Status: []int{502, 503}},
		Writes:   []string{"faq", "kb.views"}, PinAfterFailure: 5 * time.Minute, Line: 19, PercentLine: 32,
	}
	copied := *all
	copied.Name, copied.Match, copied.Line = "copied", "/copied/{id}/{rest...}", 39
	want := &Document{
		Hash: "fractional-v2", Monolith: "monolith",
		Targets: map[string]*Target{
			"monolith": {Name: "monolith", Line: 3},
			"faq": {
				Name: "faq", URLs: []string{"http://127.0.0.1:8101", "http://127.0.0.1:8102"}, Owner: "kb", Docs: "https://wiki.example.com/faq",
				Timeouts:    Timeouts{Dial: time.Second, FirstByte: 10 * time.Second, Idle: time.Minute},
				MaxInFlight: 100, Breaker: Breaker{Failures: 3, OpenFor: 5 * time.Second}, Build: "X-Version", Line: 4,
			},
			"mail":   {Name: "mail", URLs: []string{"unix:///run/mail.sock"}, Owner: "kb", Line: 15},
			"second": {Name: "second", Line: 16},
		},
		Routes: []*Route{
			all, &copied, {Name: "least", Match: "/", Fallback: Fallback{Connect: true}, Line: 43},
			{
				Name: "flagged", Match: "/flagged", Service: "faq", Flag: "tickets-service", FlagLine: 48,
				FlagAttributes: []FlagAttribute{{Text: "method"}, {From: FromHeader, Header: "X-Beta", Text: "headers.x-Beta"}},
				Baggage:        []string{"search/v2", "dark.mode"},

				Fallback: Fallback{Declared: true}, Owner: "kb", Line: 45,
			},
			{Name: "rolled", Match: "/rolled", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 53, Rollout: &Rollout{
				Steps: []PPM{125_000, One}, Every: time.Hour, Only: berlin, OnBreach: BreachFreeze,
				Gates: Gates{
					Requests: 500, Compared: 3000, MismatchBelow: 1000, Approval: []string{"anna", "ben"},
					ApprovalAbove: 250_000, SecondPerson: true,
				},
				Guards: Guards{ErrorRateAboveMonolith: 5000, P95AboveMonolith: 2, P99AboveMonolith: 3.5, MismatchAbove: 10_000, Consecutive: 4},
			}},
			{Name: "defaults", Match: "/defaults", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 65, Rollout: &defaults},
			{
				Name: "shadowed", Match: "/shadowed", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 66,
				Shadow: &Shadow{
					Sample: 250_000, Target: "mail", Control: "second", Unsafe: UnsafeDryRun,
					Presets: []string{"django", "drf"}, Headers: []string{"X-Total-Count"},
					Ignore: []*ShadowRule{{Path: "$.served_at", Compare: "ignore", Because: "clock", Owner: "kb", Until: time.Date(2027, 1, 31, 23, 59, 59, 0, time.UTC), Line: 80}},
					Rules: []*ShadowRule{
						{Path: "$.items[*].id", Compare: "uuid", Because: "made anew", Owner: "kb", Line: 82},
						{Path: "$.price", Tolerance: "0.01", Because: "rounding", Owner: "kb", Line: 83},
						{Path: "$.at", Time: "0s", Because: "spelling", Owner: "kb", Line: 84},
						{Path: "$.tag", Regexp: "[a-z]+", Because: "made anew", Owner: "kb", Line: 85},
						{Path: "$.items", Key: "$.id", Because: "order", Owner: "kb", Line: 86},
					},
					Clear: []string{"$.status"}, KeepCookies: []string{"lang", "__Host-theme"}, KeepHeaders: []string{"X-Tenant-Key"}, Timeout: 5 * time.Second, InFlight: 8, Body: 512 << 10,
					Silence: 30 * time.Minute, Again: 25_000,
				},
			},
			{Name: "plain", Match: "/plain", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 95, Shadow: &plain},
			{
				Name: "known", Match: "/known", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 96,
				Flag: "known", FlagLine: 101, FlagAttributes: []FlagAttribute{
					{From: FromUser, Text: "user"}, {From: FromClaim, Claim: "is_staff", Text: "claims.is_staff"}, {From: FromClaim, Claim: "session.plan", Text: "claims.session.plan"},
				},
				Identity: &Identity{
					Token: TokenRequired, Audience: "knowledge-base", Anonymous: AnonymousRefused, Header: "X-User-Token", KeepCookie: true, CSRF: CSRFDjango, Profile: ProfileOpenEDX,
					Claims: map[string]string{"email": "email", "https://example.com/plan": "session.plan"}, Line: 104,
				},
			},
			{
				Name: "open", Match: "GET /open", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 112,
				Identity: &Identity{Token: TokenOptional, Anonymous: AnonymousMonolith, Header: DefaultTokenHeader, CSRF: CSRFOff, Line: 112},
			},
			{
				Name: "usual", Match: "/usual", Service: "faq", Fallback: Fallback{Declared: true}, Owner: "kb", Line: 113,
				Identity: &Identity{Token: TokenRequired, Anonymous: AnonymousMonolith, Header: DefaultTokenHeader, CSRF: CSRFOrigin, Line: 113},
			},
		},
	}
	if diff := cmp.Diff(want, doc, cmpopts.IgnoreUnexported(Target{}, Route{}, Rollout{}, Shadow{}, ShadowRule{}, Identity{}), cmp.Comparer((*Schedule).same)); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
}

func TestLoadNamesTheSource(t *testing.T) {
	t.Parallel()
	data := read(t, "testdata/all.yaml")
	table, problems := Load("all.yaml", data)
	if table == nil {
		t.Fatal(problems)
	}
	again, _ := Load("elsewhere.yaml", bytes.Clone(data))
	other, _ := Load("all.yaml", append(bytes.Clone(data), "# more\n"...))
	if table.Version() == "" || table.Version() != again.Version() || table.Version() == other.Version() {
		t.Errorf("versions %q, %q and, of other bytes, %q", table.Version(), again.Version(), other.Version())
	}
	for _, p := range problems {
		if p.File != "all.yaml" || p.Line == 0 || p.Column == 0 {
			t.Errorf("a finding without a place: %+v", p)
		}
	}
}

// TestEveryProblemIsFound: a table that is wrong all over is told everything,
// up to a limit, and that there is more.
func TestEveryProblemIsFound(t *testing.T) {
	t.Parallel()
	const head = "targets: { monolith: {} }\nmonolith: monolith\nroutes:\n"
	for _, bad := range []int{maxProblems, maxProblems + 1, 5_000} {
		data := []byte(head + strings.Repeat("  - { name: a, match: /, srvice: x }\n", bad/2+1))
		_, problems := Parse("bad.yaml", data)
		last := problems[len(problems)-1]
		found := 2*(bad/2+1) - 1 // each route an unknown field, each but the first a name that is taken
		if found <= maxProblems {
			t.Fatal("the test makes too few problems")
		}
		more := fmt.Sprintf("%d more problems are not shown", found-maxProblems)
		if len(problems) != maxProblems+1 || last.Code != codeTooManyProblems || last.Message != more {
			t.Errorf("%d problems of %d, the last: %s", len(problems), found, last)
		}
	}
}

// TestHostileDocumentsAreBounded: what is small on disk and huge in memory is
// refused, with a place, before it costs more than its budget.
func TestHostileDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	const head = "targets: { monolith: {} }\nmonolith: monolith\nroutes:\n"
	entries := strings.Repeat("x, ", 400)
	bomb := "  - &r { name: a, match: /, writes: [" + entries + "] }\n" + strings.Repeat("  - *r\n", 400)
	var merges strings.Builder
	merges.WriteString("  - &m0 { owner: x }\n")
	for i := range 9 {
		fmt.Fprintf(&merges, "  - &m%d { <<: [%s] }\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*m%d, ", i), 20), ", "))
	}
	for name, text := range map[string]string{
		"a list in aliases":  head + bomb,
		"merges of merges":   head + merges.String(),
		"merges in a circle": head + "  - &a { name: a, match: /, <<: [*a, *a, *a] }\n",
		"bytes":              head + strings.Repeat("#", maxDocument),
		"a list in itself":   "targets: { monolith: {} }\nmonolith: monolith\nroutes: &r [*r, *r]\n",
	} {
		p := &parser{file: "bomb.yaml", budget: 100_000}
		p.parse([]byte(text))
		problems := p.finish()
		if len(problems) == 0 || len(problems) > maxProblems+1 {
			t.Fatalf("%s: %d problems", name, len(problems))
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 {
				t.Errorf("%s: no place: %s", name, p)
			}
		}
		_, large := findCode(problems, codeTooLarge)
		if want := name != "a list in itself"; large != want {
			t.Errorf("%s: too large: %v\n%s", name, large, problems[0])
		}
	}
}

func findCode(problems Problems, code string) (Problem, bool) {
	for _, p := range problems {
		if p.Code == code {
			return p, true
		}
	}
	return Problem{}, false
}

// TestProblemsNeverShowPasswords: problems are logged.
func TestProblemsNeverShowPasswords(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"http://user:hunter2@host", "http://user:hunter2@host:x", "http://user:hunter2@", "ftp://hunter2@a@host",
		"http://user:hunter2@host/path",
	} {
		doc := "targets: { monolith: { url: '" + url + "', docs: 'ftp://hunter2@x' }, faq: '" + url + "' }\nmonolith: monolith\nroutes: []\n"
		_, problems := Parse("x.yaml", []byte(doc))
		if len(problems) != 3 {
			t.Errorf("%s: %v", url, problems)
		}
		for _, p := range problems {
			if strings.Contains(fmt.Sprintf("%+v", p), "hunter2") {
				t.Errorf("%s: %+v", url, p)
			}
		}
	}
}

// TestProblemIsOneLine, whatever the document holds.
func TestProblemIsOneLine(t *testing.T) {
	t.Parallel()
	doc := "\"a\\nb\": \"c\\e[31m\\nd\"\nroutes: [{ name: \"x\\ny\", match: \"/\\n\" }, \"\\u2028\", \"" + strings.Repeat("ä", 500) + "\"]\n"
	_, problems := Parse("x.yaml", []byte(doc))
	if problems.Err() == nil {
		t.Fatal("no problem")
	}
	for _, p := range problems {
		if strings.ContainsFunc(p.String(), isHidden) || len(p.Text) > maxShown+len("…") {
			t.Errorf("%q", p)
		}
	}
	if lines := strings.Split(problems.Err().Error(), "\n"); len(lines) != len(problems) {
		t.Errorf("%d lines for %d problems", len(lines), len(problems))
	}
}

func TestWarningsDoNotRefuse(t *testing.T) {
	t.Parallel()
	table, problems := Load("x.yaml", []byte("targets: { monolith: {}, faq: {} }\nmonolith: monolith\nroutes: []\n"))
	if table == nil || len(problems) != 1 || problems.Err() != nil {
		t.Errorf("table %v, problems %v, error %v", table, problems, problems.Err())
	}
}

// same reports whether two schedules are written alike.
func (s *Schedule) same(other *Schedule) bool {
	return s == other || s != nil && other != nil && s.String() == other.String()
}
