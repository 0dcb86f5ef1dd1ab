package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Salts implements rollout.Store. The cohorts go to SQLite as one JSON text:
// 100,000 statements would take ten times as long.
func (s *Store) Salts(ctx context.Context, cohorts []string, fresh func() string) (map[string]string, error) {
	if i := slices.IndexFunc(cohorts, func(cohort string) bool { return !utf8.ValidString(cohort) }); i >= 0 {
		return nil, s.explain("reading salts from", fmt.Errorf("the cohort %q is not valid UTF-8", cohorts[i]))
	}
	asked, err := json.Marshal(cohorts)
	if err != nil {
		return nil, s.explain("reading salts from", err)
	}
	salts := make(map[string]string, len(cohorts))
	made := false
	err = s.transact(ctx, "reading salts from", func(tx *sql.Tx) error {
		if err := readSalts(ctx, tx, string(asked), salts); err != nil {
			return err
		}
		rows := make([][2]string, 0, len(cohorts)-min(len(salts), len(cohorts)))
		for _, cohort := range cohorts {
			if _, known := salts[cohort]; !known {
				salts[cohort] = fresh()
				rows = append(rows, [2]string{cohort, salts[cohort]})
			}
		}
		if made = len(rows) > 0; !made {
			return nil
		}
		text, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO salt (cohort, salt) SELECT value ->> 0, value ->> 1 FROM json_each(?)`, string(text))
		return err
	})
	if err != nil {
		return nil, err
	}
	if made {
		s.keep.note()
	}
	return salts, nil
}

func readSalts(ctx context.Context, tx *sql.Tx, cohorts string, into map[string]string) (err error) {
	rows, err := tx.QueryContext(ctx, `SELECT cohort, salt FROM salt WHERE cohort IN (SELECT value FROM json_each(?))`, cohorts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var cohort, salt string
		if err := rows.Scan(&cohort, &salt); err != nil {
			return err
		}
		into[cohort] = salt
	}
	return rows.Err()
}

// Secret answers the secret of that name. One that has none yet gets fresh(),
// stored before Secret returns; it never changes.
func (s *Store) Secret(ctx context.Context, name string, fresh func() []byte) ([]byte, error) {
	var value []byte
	made := false
	err := s.transact(ctx, "reading a secret from", func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT value FROM secret WHERE name = ?`, name).Scan(&value)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if value = fresh(); len(value) == 0 {
			return errors.New("a secret must not be empty")
		}
		made = true
		_, err = tx.ExecContext(ctx, `INSERT INTO secret (name, value) VALUES (?, ?)`, name, value)
		return err
	})
	if err != nil {
		return nil, err
	}
	if made {
		s.keep.note()
	}
	return value, nil
}
