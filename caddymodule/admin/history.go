package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

// HistoryAnswer is the answer of PathHistory.
type HistoryAnswer struct {
	// Changes are a page of the journal.
	Changes []rollout.Change `json:"changes"`
	// More says that there may be more behind the last of them: ask again with
	// its seq as before or, oldest first, as after.
	More bool `json:"more"`
}

// HistoryQuery writes a query as PathHistory takes it.
func HistoryQuery(q rollout.Query) url.Values {
	values := url.Values{}
	set := func(name, value string, given bool) {
		if given {
			values.Set(name, value)
		}
	}
	set("route", q.Route, q.Route != "")
	set("actor", q.Actor, q.Actor != "")
	set("source", q.Source, q.Source != "")
	set("verb", string(q.Verb), q.Verb != "")
	set("since", q.Since.Format(time.RFC3339Nano), !q.Since.IsZero())
	set("until", q.Until.Format(time.RFC3339Nano), !q.Until.IsZero())
	set("before", strconv.FormatUint(q.Before, 10), q.Before > 0)
	set("after", strconv.FormatUint(q.After, 10), q.After > 0)
	set("order", "oldest", q.OldestFirst)
	set("limit", strconv.Itoa(q.Limit), q.Limit > 0)
	return values
}

// historyFields read what HistoryQuery writes.
var historyFields = map[string]func(*rollout.Query, string) error{
	"route":  func(q *rollout.Query, s string) error { q.Route = s; return nil },
	"actor":  func(q *rollout.Query, s string) error { q.Actor = s; return nil },
	"source": func(q *rollout.Query, s string) error { q.Source = s; return nil },
	"verb":   func(q *rollout.Query, s string) error { q.Verb = rollout.Verb(s); return nil },
	"since":  func(q *rollout.Query, s string) error { return moment(&q.Since, s) },
	"until":  func(q *rollout.Query, s string) error { return moment(&q.Until, s) },
	"before": func(q *rollout.Query, s string) error { return number(&q.Before, s) },
	"after":  func(q *rollout.Query, s string) error { return number(&q.After, s) },
	"order": func(q *rollout.Query, s string) error {
		if q.OldestFirst = s == "oldest"; !q.OldestFirst && s != "newest" {
			return fmt.Errorf("%q is neither newest nor oldest", s)
		}
		return nil
	},
	"limit": func(q *rollout.Query, s string) (err error) {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > rollout.MaxHistory {
			err = fmt.Errorf("%q is not 1 to %d", s, rollout.MaxHistory)
		}
		return err
	},
}

func moment(at *time.Time, s string) (err error) {
	if *at, err = time.Parse(time.RFC3339, s); err != nil {
		err = fmt.Errorf("%q is no time like 2006-01-02T15:04:05Z", s)
	}
	return err
}

func number(n *uint64, s string) (err error) {
	if *n, err = strconv.ParseUint(s, 10, 64); err != nil {
		err = fmt.Errorf("%q is no number", s)
	}
	return err
}

// defaultPage is how many records a page has when nobody says.
const defaultPage = 100

// history answers PathHistory.
func history(e *engine.Engine, r *http.Request) (any, error) {
	q := rollout.Query{Limit: defaultPage}
	for name, values := range r.URL.Query() {
		read := historyFields[name]
		if read == nil || len(values) != 1 {
			return nil, refuse(http.StatusBadRequest, "%s is no filter, or is there twice; route, actor, source, verb, since, until, before, after, order and limit are", name)
		}
		if err := read(&q, values[0]); err != nil {
			return nil, refuse(http.StatusBadRequest, "%s: %w", name, err)
		}
	}
	changes, err := e.History(r.Context(), q)
	if errors.Is(err, engine.ErrUnknownRoute) {
		return nil, err
	}
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "reading the journal: %w", err)
	}
	if changes == nil {
		changes = []rollout.Change{}
	}
	return HistoryAnswer{Changes: changes, More: len(changes) == q.Limit}, nil
}
