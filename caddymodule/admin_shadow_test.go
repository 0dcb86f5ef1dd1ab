package caddymodule

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// shadowed is a running server with one comparison on its route.
func shadowed(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.monolith.Config.Handler, r.service.Config.Handler = says("a"), says("a")
	r.routes(plainRoutes + "    shadow: {}\n")
	r.start(plainCaddyfile)
	r.ask(http.MethodGet, "/v1/faq/7", nil, nil)
	deadline := time.Now().Add(20 * time.Second)
	for r.shadow().Verdict.Compared == 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", r.shadow())
		}
	}
	return r
}

func (r *rig) shadow() engine.ShadowRoute {
	r.t.Helper()
	var status engine.ShadowStatus
	r.must(admin.PathShadow, nil, &status)
	return status.Routes[0]
}

// TestAResetOfEvidenceIsRecorded: who, when and why are in the journal and in the
// report, and the rollout is where it was.
func TestAResetOfEvidenceIsRecorded(t *testing.T) {
	t.Parallel()
	r := shadowed(t)
	r.must(admin.PathSet, m{"route": "faq-read", "percent": 12.5, "by": "anna", "reason": "first users"}, nil)
	var made admin.ShadowAnswer
	r.must(admin.PathShadowReset, m{"route": "faq-read", "by": "bert", "reason": "other data", "dry_run": true}, &made)
	if made.Route.Verdict.Compared != 1 {
		t.Errorf("a dry run: %+v", made)
	}
	r.must(admin.PathShadowReset, m{"route": "faq-read", "by": "bert", "reason": "other data", "if_version": 1}, &made)
	if made.Route.Route != "faq-read" || made.Route.Shadow != "faq" || made.Route.Verdict.Compared != 0 {
		t.Errorf("%+v", made)
	}
	var journal admin.HistoryAnswer
	r.must(admin.PathHistory+"?route=faq-read", nil, &journal)
	if len(journal.Changes) != 2 {
		t.Fatalf("%+v", journal)
	}
	c := journal.Changes[0]
	if c.Verb != rollout.VerbShadowReset || c.Act.By != "bert" || c.Act.Reason != "other data" || c.Act.Source != "api" || time.Since(c.At) > time.Hour {
		t.Errorf("%+v", c)
	}
	var now engine.RolloutStatus
	r.must(admin.PathRollout, nil, &now)
	if one := now.Routes[0]; one.Percent != 12.5 || one.By != "anna" || one.Reason != "first users" || one.Version != 2 {
		t.Errorf("%+v", one)
	}
	var said report.Report
	r.must(admin.PathShadowReport+"?route=faq-read", nil, &said)
	if era := said.Routes[0].Era; era.Number != 2 || !strings.Contains(era.Cause, "reset by bert: other data") {
		t.Errorf("%+v", era)
	}
	var undone rollout.Change
	r.must(admin.PathUndo, m{"route": "faq-read", "by": "anna", "reason": "a test"}, &undone)
	if undone.After.Share != 0 {
		t.Errorf("an undo takes back the last change, not the note after it: %+v", undone.After)
	}
}

// TestTheAdminAPIOfShadowsRefuses what it refuses elsewhere, and then nothing has
// changed.
func TestTheAdminAPIOfShadowsRefuses(t *testing.T) {
	t.Parallel()
	r := shadowed(t)
	const good = `{"route":"faq-read","by":"anna","reason":"why"}`
	asJSON := map[string]string{"Content-Type": "application/json"}
	from := func(name, value string) map[string]string {
		return map[string]string{"Content-Type": "application/json", name: value}
	}
	for name, c := range map[string]struct {
		method, path, body string
		header             map[string]string
		status             int
		says               string
	}{
		"status by POST":         {"POST", admin.PathShadow, "{}", asJSON, 405, "GET"},
		"report by POST":         {"POST", admin.PathShadowReport, "{}", asJSON, 405, "GET"},
		"report by DELETE":       {"DELETE", admin.PathShadowReport, "", nil, 405, "GET"},
		"report of no route":     {"GET", admin.PathShadowReport + "?route=faq-raed", "", nil, 404, "faq-raed"},
		"report of one of two":   {"GET", admin.PathShadowReport + "?route=faq-read&route=nowhere", "", nil, 404, "nowhere"},
		"report, a rebound name": {"GET", admin.PathShadowReport, "", map[string]string{"Host": "evil.example"}, 403, ""},
		"samples of no route":    {"GET", admin.PathShadowSamples, "", nil, 400, "route is required"},
		"samples without end":    {"GET", admin.PathShadowSamples + "?route=faq-read&limit=1001", "", nil, 400, "1000"},
		"reset by GET":           {"GET", admin.PathShadowReset + "?route=faq-read&by=a&reason=b", "", nil, 405, "POST"},
		"reset by PUT":           {"PUT", admin.PathShadowReset, good, asJSON, 405, "POST"},
		"a form":                 {"POST", admin.PathShadowReset, good, map[string]string{"Content-Type": "text/plain"}, 415, "JSON"},
		"no content type":        {"POST", admin.PathShadowReset, good, nil, 415, "JSON"},
		"a page's request":       {"POST", admin.PathShadowReset, good, from("Sec-Fetch-Site", "cross-site"), 403, ""},
		"another origin":         {"POST", admin.PathShadowReset, good, from("Origin", "http://evil.example"), 403, ""},
		"empty body":             {"POST", admin.PathShadowReset, "", asJSON, 400, "empty"},
		"two values":             {"POST", admin.PathShadowReset, good + good, asJSON, 400, "more"},
		"unknown field":          {"POST", admin.PathShadowReset, `{"rout":"faq-read"}`, asJSON, 400, "rout"},
		"a name twice":           {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":"b","By":"c"}`, asJSON, 400, "twice"},
		"a huge body":            {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":"` + strings.Repeat("a", 300<<10) + `"}`, asJSON, 413, "262144"},
		"a long reason":          {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":"` + strings.Repeat("a", 501) + `"}`, asJSON, 400, "501"},
		"a line in the reason":   {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":"b\nc"}`, asJSON, 400, "U+000A"},
		"nobody":                 {"POST", admin.PathShadowReset, `{"route":"faq-read","reason":"b"}`, asJSON, 400, "who"},
		"no reason":              {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a"}`, asJSON, 400, "reason"},
		"a blank reason":         {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":" "}`, asJSON, 400, "reason"},
		"no route":               {"POST", admin.PathShadowReset, `{"by":"a","reason":"b"}`, asJSON, 404, ""},
		"an unknown route":       {"POST", admin.PathShadowReset, `{"route":"faq-raed","by":"a","reason":"b"}`, asJSON, 404, "faq-raed"},
		"a forged source":        {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":"b","source":"guard"}`, asJSON, 400, "source"},
		"an old version":         {"POST", admin.PathShadowReset, `{"route":"faq-read","by":"a","reason":"b","if_version":7}`, asJSON, 409, ""},
	} {
		a, err := r.do("http://"+r.admin+c.path, c.method, c.header, strings.NewReader(c.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var said struct{ Error string }
		if json.Unmarshal([]byte(a.body), &said) != nil || a.status != c.status || said.Error == "" || !strings.Contains(said.Error, c.says) {
			t.Errorf("%s: %d %s, want %d and %q", name, a.status, a.body, c.status, c.says)
		}
	}
	var journal admin.HistoryAnswer
	r.must(admin.PathHistory, nil, &journal)
	if len(journal.Changes) != 0 || r.shadow().Verdict.Compared != 1 {
		t.Errorf("something refused has changed something: %+v %+v", journal, r.shadow())
	}
}
