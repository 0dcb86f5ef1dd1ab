package questions

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Store reads and writes the questions in the monolith's SQLite database. It
// is safe for concurrent use, also by another process.
type Store struct {
	db *sql.DB
}

// Open opens the database at path, which must have the monolith's tables.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sql.Open("sqlite", source(path, "rw"))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if _, err := db.ExecContext(ctx, "SELECT 1 FROM faq_question, faq_question_related LIMIT 1"); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is not the helpdesk's database: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}

// source names the database to the driver. A writer waits for the other
// process' turn and takes its lock at the start.
func source(path, mode string) string {
	options := url.Values{"_pragma": {"busy_timeout(20000)"}, "_txlock": {"immediate"}, "mode": {mode}}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: options.Encode()}).String()
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// All returns every question, by id.
func (s *Store) All(ctx context.Context) ([]Question, error) {
	return s.query(ctx, "SELECT id, question, answer, source FROM faq_question ORDER BY id")
}

// Related returns the questions that a question names as related, by id.
func (s *Store) Related(ctx context.Context, id int64) ([]Question, error) {
	return s.query(ctx, `SELECT q.id, q.question, q.answer, q.source FROM faq_question q
		JOIN faq_question_related r ON r.to_question_id = q.id WHERE r.from_question_id = ? ORDER BY q.id`, id)
}

func (s *Store) query(ctx context.Context, query string, args ...any) (found []Question, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = []Question{}
	for rows.Next() {
		var q Question
		if err := rows.Scan(&q.ID, &q.Question, &q.Answer, &q.Source); err != nil {
			return nil, err
		}
		found = append(found, q)
	}
	return found, rows.Err()
}

// Get returns one question, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id int64) (Question, error) {
	q := Question{ID: id}
	err := s.db.QueryRowContext(ctx, "SELECT question, answer, source FROM faq_question WHERE id = ?", id).
		Scan(&q.Question, &q.Answer, &q.Source)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return q, err
}

// has says whether there is a question of that id.
func (s *Store) has(ctx context.Context, id int64) (there bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM faq_question WHERE id = ?)", id).Scan(&there)
	return there, err
}

// Add stores a draft. The related questions must exist.
func (s *Store) Add(ctx context.Context, d Draft) (q Question, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Question{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	made, err := tx.ExecContext(ctx, "INSERT INTO faq_question (question, answer, source) VALUES (?, ?, ?)",
		d.Question, d.Answer, d.Source)
	if err != nil {
		return Question{}, err
	}
	id, err := made.LastInsertId()
	if err != nil {
		return Question{}, err
	}
	for _, other := range d.Related {
		_, err := tx.ExecContext(ctx, "INSERT INTO faq_question_related (from_question_id, to_question_id) VALUES (?, ?)", id, other)
		if err != nil {
			return Question{}, err
		}
	}
	return Question{ID: id, Question: d.Question, Answer: d.Answer, Source: d.Source}, tx.Commit()
}
