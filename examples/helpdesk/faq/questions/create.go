package questions

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// tables are the ones the monolith's migration faq 0001 makes.
const tables = `
CREATE TABLE faq_question (
	id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
	question varchar(300) NOT NULL,
	answer text NOT NULL,
	source varchar(100) NOT NULL
);
CREATE TABLE faq_question_related (
	id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
	from_question_id bigint NOT NULL REFERENCES faq_question (id) DEFERRABLE INITIALLY DEFERRED,
	to_question_id bigint NOT NULL REFERENCES faq_question (id) DEFERRABLE INITIALLY DEFERRED,
	UNIQUE (from_question_id, to_question_id)
);`

// Create makes a new database at path with the monolith's tables, for machines
// that have no Django to make it.
func Create(ctx context.Context, path string) (*Store, error) {
	db, err := sql.Open("sqlite", source(path, "rwc"))
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", path, err)
	}
	// The journal mode stays with the file: readers and the writer of two
	// processes do not wait for each other.
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL;"+tables); err != nil {
		return nil, errors.Join(fmt.Errorf("creating the tables in %s: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}
