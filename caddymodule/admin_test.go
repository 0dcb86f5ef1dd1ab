package caddymodule

import (
	"encoding/json"
	"net/http"
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

	var list []admin.RouteAndRollout
	r.must(admin.PathRoutes, nil, &list)
	if len(list) != 1 || list[0].Name != "faq-read" || list[0].Sticky != "header:X-User" || list[0].Rollout.Effective != 125_000 ||
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

func TestAdminAPIWithoutTheApp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start("{\n\tadmin ADMIN\n\tdefault_bind 127.0.0.1\n\tpersist_config off\n}\nhttp://SITE {\n\trespond ok\n}\n")
	if a := r.call(admin.PathStatus, nil); a.status != http.StatusNotFound || !strings.Contains(a.body, "global option") {
		t.Errorf("%+v", a)
	}
}
