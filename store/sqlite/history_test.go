package sqlite

import (
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/rollout"
)

// TestPagesAreFoundByAnIndex holds that a page costs what it holds, however
// long the journal is.
func TestPagesAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	for name, q := range map[string]rollout.Query{
		"all":           {},
		"a page":        {Before: 10},
		"onward":        {After: 10, OldestFirst: true},
		"a route":       {Route: "a"},
		"a route since": {Route: "a", After: 10, OldestFirst: true},
		"a route until": {Route: "a", Before: 10, Actor: "anna"},
	} {
		statement, args := page(q)
		rows, err := s.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		want := "USING INTEGER PRIMARY KEY"
		if q.Route != "" {
			want = "USING INDEX sqlite_autoindex_change_2 (route=?)"
		}
		if found := strings.Join(plan, "; "); !strings.Contains(found, want) || strings.Contains(found, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, found)
		}
	}
}
