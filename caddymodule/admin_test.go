package caddymodule

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

func TestAdminAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(plainCaddyfile)

	var change rollout.Change
	r.must(admin.PathSet, m{"route": "faq-read", "percent": 12.5, "by": "anna", "reason": "first users"}, &change)
	if !change.Stored || change.After.Share != 125_000 || change.Act.Source != "api" || change.Act.By != "anna" {
		t.Errorf("set: %+v", change)
	}
	r.must(admin.PathHold, m{"route": "faq-read", "by": "anna", "reason": "odd", "until": "2999-01-01T00:00:00Z", "source": "cli"}, &change)
	if change.After.Hold == nil || change.After.Hold.Until.Year() != 2999 || change.Act.Source != "cli" {
		t.Errorf("hold: %+v", change)
	}
	var status engine.Status
	r.must(admin.PathStatus, nil, &status)
	if status.Held != 1 || status.Table.Routes != 1 || len(status.Targets) != 2 {
		t.Errorf("status: %+v", status)
	}
	r.must(admin.PathRelease, m{"route": "faq-read", "by": "anna"}, &change)

	var list []admin.RouteAndState
	r.must(admin.PathRoutes, nil, &list)
	if len(list) != 1 || list[0].Name != "faq-read" || list[0].Sticky != "header:X-User" || list[0].State.Effective != 125_000 ||
		strings.Join(list[0].Fallback, " ") != "connect 503" {
		t.Errorf("routes: %+v", list)
	}
	var table admin.TableAnswer
	r.must(admin.PathTable, nil, &table)
	if table.Source != r.fill(plainRoutes) || table.Document.Targets["faq"].URL[0] != r.service.URL {
		t.Errorf("table: %+v", table)
	}
	var rollouts engine.RolloutStatus
	r.must(admin.PathRollout, nil, &rollouts)
	if len(rollouts.Routes) != 1 || rollouts.Routes[0].Version != 3 || rollouts.Routes[0].Percent != 12.5 {
		t.Errorf("rollout: %+v", rollouts)
	}
}

// TestHistoryHasEveryFilter makes changes and asks for them by each filter, with
// the query that the command line sends.
func TestHistoryHasEveryFilter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(plainCaddyfile)
	for i, by := range []string{"anna", "bert", "anna", "carl"} {
		r.must(admin.PathSet, m{"route": "faq-read", "percent": i + 1, "by": by, "source": []string{"cli", "api"}[i%2]}, nil)
	}
	r.must(admin.PathBrake, m{"by": "anna", "reason": "a test"}, nil)
	r.must(admin.PathSet, m{"route": "faq-read", "percent": 50, "by": "dora", "dry_run": true}, nil)
	var all admin.HistoryAnswer
	r.must(admin.PathHistory, nil, &all)
	if len(all.Changes) != 5 || all.More || all.Changes[0].Verb != rollout.VerbBrake {
		t.Fatalf("all: %+v", all)
	}
	third := all.Changes[2] // the second of anna's
	for name, c := range map[string]struct {
		query rollout.Query
		want  []uint64
	}{
		"route":  {rollout.Query{Route: "faq-read"}, []uint64{4, 3, 2, 1}},
		"brake":  {rollout.Query{Route: rollout.AllRoutes}, []uint64{5}},
		"actor":  {rollout.Query{Actor: "anna"}, []uint64{5, 3, 1}},
		"source": {rollout.Query{Source: "cli"}, []uint64{3, 1}},
		"verb":   {rollout.Query{Verb: rollout.VerbSet, Limit: 2}, []uint64{4, 3}},
		"since":  {rollout.Query{Since: third.At}, []uint64{5, 4, 3}},
		"until":  {rollout.Query{Until: third.At, OldestFirst: true}, []uint64{1, 2}},
		"before": {rollout.Query{Before: 3}, []uint64{2, 1}},
		"after":  {rollout.Query{After: 3}, []uint64{5, 4}},
	} {
		var page admin.HistoryAnswer
		r.must(admin.PathHistory+"?"+admin.HistoryQuery(c.query).Encode(), nil, &page)
		got := make([]uint64, 0, len(page.Changes))
		for _, change := range page.Changes {
			got = append(got, change.Seq)
		}
		if !slices.Equal(got, c.want) || page.More != (c.query.Limit > 0) {
			t.Errorf("%s: %v (more: %t), want %v", name, got, page.More, c.want)
		}
	}
}

// TestExplainNamesTheRouteThatRequestsTake holds what explain says against what
// the same requests get.
func TestExplainNamesTheRouteThatRequestsTake(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(strings.Replace(plainCaddyfile, `"{strangler.arm} {strangler.reason}"`, `"{strangler.route} {strangler.arm} {strangler.reason} {strangler.bucket}"`, 1))
	r.must(admin.PathSet, m{"route": "faq-read", "percent": 50, "by": "anna"}, nil)
	for _, path := range []string{"/", "/v1/faq/7", "/v1/faq/7/8", "/v1/faq/", "/v1/faq/a%2Fb", "//v1/faq/7", "/v1/x/../faq/7"} {
		for _, user := range []string{"a", "b", "c", "d", ""} {
			header := map[string]string{"X-User": user}
			if user == "" {
				header = nil
			}
			got := r.ask(http.MethodGet, path, header, nil).header.Get("X-Arm")
			var x routes.Explanation
			body := m{"method": "get", "url": "http://" + r.site + path}
			if user != "" {
				body["headers"] = m{"x-user": []string{user}}
			}
			r.must(admin.PathExplain, body, &x)
			s := served{engine.Result{Decision: x.Decision}}
			if want := strings.TrimSpace(x.Decision.Route + " " + x.Decision.Arm.String() + " " + string(x.Decision.Reason) + " " + s.bucket()); strings.TrimSpace(got) != want {
				t.Errorf("%s for %q: the request got %q, explain says %q", path, user, got, want)
			}
		}
	}
}

func TestAdminAPIRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(plainCaddyfile)
	const (
		asJSON = "application/json"
		asForm = "application/x-www-form-urlencoded"
		good   = `{"route":"faq-read","percent":25,"by":"anna"}`
	)
	for name, c := range map[string]struct {
		method, path, kind, body string
		header                   map[string]string
		status                   int
		says                     string
	}{
		"set by GET":          {method: "GET", path: admin.PathSet, status: 405, says: "allowed: POST"},
		"set by PUT":          {method: "PUT", path: admin.PathSet, kind: asJSON, body: good, status: 405},
		"status by POST":      {method: "POST", path: admin.PathStatus, kind: asJSON, body: "{}", status: 405, says: "GET"},
		"unknown path":        {method: "GET", path: "/strangler/rollouts", status: 404, says: admin.PathRollout},
		"a form":              {method: "POST", path: admin.PathSet, kind: asForm, body: good, status: 415},
		"no content type":     {method: "POST", path: admin.PathSet, body: good, status: 415},
		"a page's request":    {method: "POST", path: admin.PathSet, kind: asJSON, body: good, header: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 403},
		"another origin":      {method: "POST", path: admin.PathSet, kind: asJSON, body: good, header: map[string]string{"Origin": "http://evil.example"}, status: 403},
		"a rebound name":      {method: "GET", path: admin.PathStatus, header: map[string]string{"Host": "evil.example"}, status: 403},
		"empty body":          {method: "POST", path: admin.PathSet, kind: asJSON, status: 400, says: "empty"},
		"no JSON":             {method: "POST", path: admin.PathSet, kind: asJSON, body: "{", status: 400},
		"two values":          {method: "POST", path: admin.PathSet, kind: asJSON, body: good + good, status: 400, says: "more"},
		"unknown field":       {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"rout":"faq-read"}`, status: 400, says: "rout"},
		"unknown source":      {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"faq-read","percent":1,"by":"a","source":"guard"}`, status: 400, says: "source"},
		"no percent":          {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"faq-read","by":"a"}`, status: 400, says: "percent"},
		"too many percent":    {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"faq-read","percent":101,"by":"a"}`, status: 400, says: "0 to 100"},
		"a huge body":         {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"` + strings.Repeat("a", 300<<10) + `"}`, status: 413},
		"nobody":              {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"faq-read","percent":1}`, status: 400, says: "who"},
		"unknown route":       {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"faq-raed","percent":1,"by":"a"}`, status: 404, says: "did you mean faq-read"},
		"hold without reason": {method: "POST", path: admin.PathHold, kind: asJSON, body: `{"route":"faq-read","by":"a"}`, status: 400, says: "reason"},
		"not held":            {method: "POST", path: admin.PathRelease, kind: asJSON, body: `{"route":"faq-read","by":"a"}`, status: 422, says: "not held"},
		"no brake":            {method: "POST", path: admin.PathReleaseOfBrake, kind: asJSON, body: `{"by":"a"}`, status: 422, says: "not on"},
		"old version":         {method: "POST", path: admin.PathSet, kind: asJSON, body: `{"route":"faq-read","percent":1,"by":"a","if_version":7}`, status: 409},
		"start by GET":        {method: "GET", path: admin.PathStart, status: 405, says: "allowed: POST"},
		"undo by GET":         {method: "GET", path: admin.PathUndo, status: 405, says: "allowed: POST"},
		"history by POST":     {method: "POST", path: admin.PathHistory, kind: asJSON, body: "{}", status: 405, says: "GET"},
		"no plan":             {method: "POST", path: admin.PathStart, kind: asJSON, body: `{"route":"faq-read","by":"a"}`, status: 422, says: "no rollout in the route table"},
		"nothing to undo":     {method: "POST", path: admin.PathUndo, kind: asJSON, body: `{"route":"faq-read","by":"a","reason":"b"}`, status: 404, says: "never changed"},
		"unknown filter":      {method: "GET", path: admin.PathHistory + "?rout=x", status: 400, says: "rout is no filter"},
		"a filter twice":      {method: "GET", path: admin.PathHistory + "?route=x&route=y", status: 400, says: "twice"},
		"no time":             {method: "GET", path: admin.PathHistory + "?since=yesterday", status: 400, says: "since"},
		"a page of millions":  {method: "GET", path: admin.PathHistory + "?limit=1000000", status: 400, says: "1000"},
		"a negative cursor":   {method: "GET", path: admin.PathHistory + "?before=-1", status: 400, says: "before"},
		"status of no route":  {method: "GET", path: admin.PathRollout + "?route=faq-raed", status: 404, says: "faq-read"},
		"explain nonsense":    {method: "POST", path: admin.PathExplain, kind: asJSON, body: `{"url":"faq/7"}`, status: 400, says: "url"},
	} {
		header := map[string]string{}
		for name, value := range c.header {
			header[name] = value
		}
		if c.kind != "" {
			header["Content-Type"] = c.kind
		}
		a, err := r.do("http://"+r.admin+c.path, c.method, header, strings.NewReader(c.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var said struct{ Error string }
		if json.Unmarshal([]byte(a.body), &said) != nil || a.status != c.status || !strings.Contains(said.Error, c.says) || said.Error == "" {
			t.Errorf("%s: %d %s, want %d and %q", name, a.status, a.body, c.status, c.says)
		}
		if c.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
	}
	var rollouts engine.RolloutStatus
	r.must(admin.PathRollout, nil, &rollouts)
	if rollouts.Routes[0].Version != 0 || rollouts.Brake != nil {
		t.Errorf("something refused has changed something: %+v", rollouts)
	}
}

// TestAConflictSaysWhatTheFirstDid, as JSON too.
func TestAConflictSaysWhatTheFirstDid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(plainCaddyfile)
	var made rollout.Change
	r.must(admin.PathSet, m{"route": "faq-read", "percent": 12.5, "by": "anna", "reason": "first users"}, &made)
	a := r.call(admin.PathSet, m{"route": "faq-read", "percent": 25, "by": "bert", "if_version": 7})
	var said admin.Refusal
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.status != http.StatusConflict || said.Conflict == nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	c := said.Conflict
	if said.Error != c.Error() || c.Expected != 7 || c.Current.Version != 1 || c.Last.ID != made.ID || c.Last.Before != nil ||
		c.Last.After.Share != 125_000 || c.Last.Act.Reason != "first users" || !c.Last.At.Equal(made.At) {
		t.Errorf("%s", a.body)
	}
}

func TestAdminAPIWithoutTheApp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start("{\n\tadmin ADMIN\n\tdefault_bind 127.0.0.1\n\tpersist_config off\n}\nhttp://SITE {\n\trespond ok\n}\n")
	if a := r.call(admin.PathStatus, nil); a.status != http.StatusNotFound || !strings.Contains(a.body, "global option") {
		t.Errorf("%+v", a)
	}
}
