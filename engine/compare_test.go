package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

const comparedTable = `targets:
  monolith: { url: http://127.0.0.1:1 }
  faq: { url: http://127.0.0.1:2 }
monolith: monolith
routes:
  - name: faq
    match: GET /faq/{id}
    owner: kb
    service: faq
    fallback: []
    shadow:
      presets: [django, drf]
      rules:
        - { path: $.a, RULE, because: why, owner: kb }
      ignore:
        - { path: $.b, because: why, owner: kb, until: 2027-01-31 }
`

// TestLoadTableKnowsTheRules: what package diff would refuse is found at the
// rule's line before a table is in force, and so are rules that have ended.
func TestLoadTableKnowsTheRules(t *testing.T) {
	t.Parallel()
	before, after := time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC), time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		rule string
		now  time.Time
		want string // in the one problem; empty: there is none
	}{
		{"tolerance: 0.01", before, ""},
		{"time: 0s", before, ""},
		{"key: $.id", before, ""},
		{"compare: uuid", after, `t.yaml:16:56: warning: the rule ended on 2027-01-31, so it excuses nothing: "$.b"`},
		{"key: id", before, `t.yaml:14:29: error: rule for $.a: key: `},
	} {
		data := strings.ReplaceAll(comparedTable, "RULE", c.rule)
		table, problems := engine.LoadTable("t.yaml", []byte(data), c.now)
		if (table == nil) != (problems.Err() != nil) {
			t.Errorf("%s: table %v, problems %v", c.rule, table, problems)
		}
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0].String(), c.want)) {
			t.Errorf("%s: problems %v, want %q", c.rule, problems, c.want)
		}
	}
	bad := strings.Replace(comparedTable, "path: $.a, RULE", "path: '$.a[?@.b>1]', compare: uuid", 1)
	if _, problems := engine.LoadTable("t.yaml", []byte(bad), before); problems.Err() == nil || problems[0].Line != 14 || problems[0].Code != routes.CodeBadRule {
		t.Errorf("a path that is none: %v", problems)
	}
}

// TestAllThatIsWrongIsSaidAtOnce: errors of the document do not hide those of the
// rules, nor rules that ended; each is said once and where it stands.
func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	const table = `targets:
  monolith: { url: http://127.0.0.1:1 }
  faq: { url: http://127.0.0.1:2 }
monolith: monolith
routes:
  - name: faq
    match: GET /faq/{id}
    owner: kb
    service: faq
    fallback: []
    percnt: 7
    shadow:
      clear: [$.status, password]
      ignore: [{ path: price, because: why, owner: kb }]
      rules: [{ path: $.a, compare: uuid, because: why, owner: kb, until: 2026-01-31 }, { path: "$.b[?@.c", compare: uuid, because: why, owner: kb }, { path: $.d }]
`
	_, problems := engine.LoadTable("t.yaml", []byte(table), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	want := []string{
		"t.yaml:11:5: error: unknown field", "t.yaml:13:25: error: clear: ", "t.yaml:14:24: error: path \"price\"", "t.yaml:15:75: warning: the rule ended",
		"t.yaml:15:97: error: ", "t.yaml:15:151: error: ", "t.yaml:15:151: error: ", "t.yaml:15:151: error: ",
	}
	for i, problem := range problems {
		if i >= len(want) || !strings.HasPrefix(problem.String(), want[i]) {
			t.Errorf("%d: %s", i, problem)
		}
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d", len(problems), len(want))
	}
}

// TestTablesHaveThePresetsAndComparatorsOfDiff holds the words of two packages
// together that do not know each other.
func TestTablesHaveThePresetsAndComparatorsOfDiff(t *testing.T) {
	t.Parallel()
	schema := string(routes.Schema())
	for _, word := range slices.Concat(diff.Presets(), diff.Comparators()) {
		if !strings.Contains(schema, `"`+word+`"`) {
			t.Errorf("a route table cannot say %s", word)
		}
	}
}
