package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/token"
)

var _ token.Store = (*Store)(nil)

// KeySet implements token.Store.
func (s *Store) KeySet(ctx context.Context, issuer string) (version uint64, keys []byte, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = s.db.QueryRowContext(ctx, `SELECT version, keys FROM key_set WHERE issuer = ?`, issuer).Scan(&version, &keys)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil, nil
	case err != nil:
		return 0, nil, s.explain("reading a key set from", err)
	}
	return version, keys, nil
}

// SwapKeySet implements token.Store. The bytes of a set that is replaced are
// overwritten with zeros in the database; the log and the snapshots hold them
// until they are replaced themselves.
func (s *Store) SwapKeySet(ctx context.Context, issuer string, version uint64, keys []byte) error {
	err := s.transact(ctx, "writing a key set to", func(tx *sql.Tx) error {
		var stored uint64
		err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM key_set WHERE issuer = ?`, issuer).Scan(&stored)
		if err != nil {
			return err
		}
		if stored != version {
			return fmt.Errorf("%w: that of %s is at version %d, not %d", token.ErrStale, issuer, stored, version)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO key_set (issuer, version, keys) VALUES (?, ?, ?)
			ON CONFLICT (issuer) DO UPDATE SET version = excluded.version, keys = excluded.keys`, issuer, sequence(version+1), keys)
		return err
	})
	if err != nil {
		return err
	}
	s.keep.note()
	return nil
}
