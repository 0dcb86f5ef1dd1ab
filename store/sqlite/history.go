package sqlite

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// History implements rollout.Store.
func (s *Store) History(ctx context.Context, q rollout.Query) ([]rollout.Change, error) {
	statement, args := page(q)
	found, err := s.records(ctx, statement, args...)
	if err != nil {
		return nil, s.explain("reading", err)
	}
	return found, nil
}

// page is the statement of a query. Every value is an argument; the statement
// itself is made of constants.
func page(q rollout.Query) (statement string, args []any) {
	where := []string{"seq > ?"}
	args = []any{sequence(q.After)}
	and := func(wanted bool, condition string, value any) {
		if wanted {
			where, args = append(where, condition), append(args, value)
		}
	}
	and(q.Before > 0, "seq < ?", sequence(q.Before))
	and(q.Route != "", "route = ?", q.Route)
	and(q.Actor != "", "actor = ?", q.Actor)
	and(q.Source != "", "source = ?", q.Source)
	and(q.Verb != "", "verb = ?", string(q.Verb))
	and(!q.Since.IsZero(), instant+" >= ?", sortable(q.Since))
	and(!q.Until.IsZero(), instant+" < ?", sortable(q.Until))
	order := "seq"
	if q.Route != "" {
		order = "version" // rises with seq, and by route and version there is an index
	}
	if !q.OldestFirst {
		order += " DESC"
	}
	limit := q.Limit
	if limit <= 0 || limit > rollout.MaxHistory {
		limit = rollout.MaxHistory
	}
	return `SELECT ` + columns + ` FROM change WHERE ` + strings.Join(where, " AND ") + ` ORDER BY ` + order + ` LIMIT ?`, append(args, limit)
}

// instant is when a change was made, as text that sorts like the time: of two
// times in RFC 3339, of which one has digits after the second that the other
// has not, the "Z" would turn the order.
const instant = "rtrim(at, 'Z')"

func sortable(t time.Time) string {
	return strings.TrimSuffix(t.UTC().Format(time.RFC3339Nano), "Z")
}

// sequence is a cursor in SQLite's numbers.
func sequence(seq uint64) int64 { return int64(min(seq, math.MaxInt64)) }
