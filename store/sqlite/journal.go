package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/store"
)

const columns = `seq, id, route, version, verb, actor, reason, source, if_version, at, before, after`

// Load implements rollout.Store.
func (s *Store) Load(ctx context.Context) (rollout.Saved, error) {
	newest, err := s.records(ctx, `SELECT `+columns+` FROM change
		JOIN (SELECT route, max(version) AS version FROM change GROUP BY route) USING (route, version)`)
	if err != nil {
		return rollout.Saved{}, s.explain("reading", err)
	}
	saved := rollout.Saved{Newest: make(map[string]rollout.Change, len(newest))}
	for _, c := range newest {
		saved.Newest[c.Route] = c
	}
	return saved, nil
}

// Apply implements rollout.Store.
func (s *Store) Apply(ctx context.Context, c rollout.Change) (rollout.Change, error) {
	row, err := encode(c)
	if err != nil {
		return rollout.Change{}, s.explain("writing to", err)
	}
	err = s.transact(ctx, "writing to", func(tx *sql.Tx) error {
		old, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM change WHERE id = ?`, c.ID))
		if err == nil {
			c = old
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return insert(ctx, tx, &c, row)
	})
	if err != nil {
		return rollout.Change{}, err
	}
	if c.After.Hold != nil || c.After.ShadowStop != nil {
		s.keep.hurry()
	} else {
		s.keep.note()
	}
	c.Stored = true
	return c, nil
}

// insert appends a record, unless the route has moved on.
func insert(ctx context.Context, tx *sql.Tx, c *rollout.Change, row row) error {
	var version uint64
	err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM change WHERE route = ?`, c.Route).Scan(&version)
	if err != nil {
		return err
	}
	if version+1 != c.After.Version {
		return fmt.Errorf("%w: %s is at version %d, the change leads to %d", rollout.ErrStale, c.Route, version, c.After.Version)
	}
	return tx.QueryRowContext(ctx, `INSERT INTO change
		(id, route, version, verb, actor, reason, source, if_version, at, before, after)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
		c.ID, c.Route, c.After.Version, string(c.Verb), c.Act.By, c.Act.Reason, c.Act.Source,
		int64(c.Act.IfVersion), row.at, row.before, row.after).Scan(&c.Seq)
}

// records reads the journal.
func (s *Store) records(ctx context.Context, query string, args ...any) (found []rollout.Change, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

// row is the part of a record that needs encoding.
type row struct {
	at, after string
	before    *string
}

func encode(c rollout.Change) (row, error) {
	if c.After == nil || c.ID == "" {
		return row{}, errors.New("a change needs an ID and the state it leads to")
	}
	after, err := json.Marshal(c.After)
	if err != nil {
		return row{}, err
	}
	encoded := row{at: c.At.UTC().Format(time.RFC3339Nano), after: string(after)}
	if c.Before != nil {
		before, err := json.Marshal(c.Before)
		if err != nil {
			return row{}, err
		}
		text := string(before)
		encoded.before = &text
	}
	return encoded, nil
}

// scan reads one record in the order of columns.
func scan(from interface{ Scan(...any) error }) (rollout.Change, error) {
	c := rollout.Change{Stored: true}
	var at, after string
	var before *string
	var version uint64
	var ifVersion int64
	err := from.Scan(&c.Seq, &c.ID, &c.Route, &version, &c.Verb, &c.Act.By, &c.Act.Reason, &c.Act.Source, &ifVersion, &at, &before, &after)
	if err != nil {
		return rollout.Change{}, err
	}
	c.Act.IfVersion = uint64(ifVersion)
	if c.At, err = time.Parse(time.RFC3339Nano, at); err == nil {
		c.After, err = decodeState(after)
	}
	if err == nil && before != nil {
		c.Before, err = decodeState(*before)
	}
	if err == nil && (c.After.Version != version || c.After.Route != c.Route) {
		err = fmt.Errorf("the state is of %s, version %d", c.After.Route, c.After.Version)
	}
	if err != nil {
		return rollout.Change{}, fmt.Errorf("%w: record %d (%s, version %d): %w", store.ErrCorrupt, c.Seq, c.Route, version, err)
	}
	return c, nil
}

func decodeState(text string) (*rollout.RouteState, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	state := new(rollout.RouteState)
	if err := d.Decode(state); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	if state.Share > routes.One {
		return nil, fmt.Errorf("a share of %d ppm", uint32(state.Share))
	}
	return state, nil
}
