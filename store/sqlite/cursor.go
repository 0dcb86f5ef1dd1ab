package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Cursor answers how far a reader of the journal has come, as SetCursor stored
// it; found is false when it never did.
func (s *Store) Cursor(ctx context.Context, name string) (seq uint64, found bool, err error) {
	var at int64
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = s.db.QueryRowContext(ctx, `SELECT seq FROM cursor WHERE name = ?`, name).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, s.explain("reading a cursor from", err)
	}
	return uint64(at), true, nil // the table holds none below 0
}

// SetCursor stores, durably, how far a reader of the journal has come. It is no
// reason for a snapshot: a reader that is set back reads again.
func (s *Store) SetCursor(ctx context.Context, name string, seq uint64) error {
	return s.transact(ctx, "writing to", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO cursor (name, seq) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET seq = excluded.seq`, name, sequence(seq))
		return err
	})
}
