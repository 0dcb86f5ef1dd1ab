// Package queue is the queue of tickets: its table and its JSON contract, in Go.
//
// The contract is the monolith's (examples/helpdesk/monolith/tickets/api.py) and
// a test holds the two to each other:
//
//	GET /v1/tickets/      {"tickets": [{"id", "subject", "state"}, …]}, newest first
//	GET /v1/tickets/{id}  one of them; 404 {"errors": {"id": […]}}
//
// It is for everybody, so it says neither who opened a ticket nor what was
// written about it.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// ErrNotFound says that there is no ticket of that id.
var ErrNotFound = errors.New("there is no such ticket")

// Ticket is what everybody may know of one.
type Ticket struct {
	ID      int64  `json:"id"`
	Subject string `json:"subject"`
	// State is open or resolved.
	State string `json:"state"`
}

// Store reads the tickets in the monolith's SQLite database. It is safe for
// concurrent use, also by another process.
type Store struct {
	db *sql.DB
}

// Open opens the database at path, which must have the monolith's tables, for
// reading.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(path, "rw") // also a reader writes a WAL's index
	if err != nil {
		return nil, err
	}
	if _, err := s.db.ExecContext(ctx, "SELECT 1 FROM tickets_ticket LIMIT 1"); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is not the helpdesk's database: %w", path, err), s.Close())
	}
	return s, nil
}

// Create makes the table at path, as far as the contract needs it, for machines
// that have no Django to make it.
func Create(ctx context.Context, path string) (*Store, error) {
	s, err := open(path, "rwc")
	if err != nil {
		return nil, err
	}
	_, err = s.db.ExecContext(ctx, `CREATE TABLE tickets_ticket (
		id integer NOT NULL PRIMARY KEY AUTOINCREMENT, subject varchar(200) NOT NULL, state varchar(10) NOT NULL)`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("creating the table in %s: %w", path, err), s.Close())
	}
	return s, nil
}

// open names the database to the driver; a writer waits for its turn.
func open(path, mode string) (*Store, error) {
	options := url.Values{"_pragma": {"busy_timeout(20000)"}, "mode": {mode}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// All returns every ticket, newest first.
func (s *Store) All(ctx context.Context) (found []Ticket, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, subject, state FROM tickets_ticket ORDER BY id DESC")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = []Ticket{}
	for rows.Next() {
		var t Ticket
		if err := rows.Scan(&t.ID, &t.Subject, &t.State); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, rows.Err()
}

// Get returns one ticket, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id int64) (Ticket, error) {
	t := Ticket{ID: id}
	err := s.db.QueryRowContext(ctx, "SELECT subject, state FROM tickets_ticket WHERE id = ?", id).Scan(&t.Subject, &t.State)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return t, err
}

// Put stores a ticket in a database that Create made.
func (s *Store) Put(ctx context.Context, t Ticket) error {
	_, err := s.db.ExecContext(ctx, "INSERT OR REPLACE INTO tickets_ticket (id, subject, state) VALUES (?, ?, ?)", t.ID, t.Subject, t.State)
	return err
}
