package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Queryer reads from a database; *sql.DB is one. Nothing else is asked of it.
type Queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// KeyType is the type of a table's primary key.
type KeyType uint8

// The key types.
const (
	IntegerKey KeyType = iota
	TextKey
	UUIDKey
)

var (
	// ErrNoRow says that the table has no row of that key.
	ErrNoRow = errors.New("no such row")
	// ErrKey is a text that the table's key type does not have.
	ErrKey = errors.New("no key of the table's type")
)

// Table is a table and what is read of its rows.
type Table struct {
	// Name may have a schema before a dot.
	Name string
	// Key is its primary key, KeyType that one's type.
	Key     string
	KeyType KeyType
	// Columns are what is read. One with ":boolean" behind its name is true or false
	// in every database, or null.
	Columns []string
}

// Rows reads single rows by their key. Safe for concurrent use.
type Rows struct {
	db      Queryer
	dialect Dialect
	keys    KeyType
	truth   []bool // of the columns: it is a boolean
	names   []string
	query   string
}

// NewRows prepares the statement. An error says which name is wrong.
func NewRows(db Queryer, dialect Dialect, table Table) (*Rows, error) {
	columns := Names(table.Columns)
	names := append([]string{table.Name, table.Key}, columns...)
	for i, name := range names {
		quoted, err := dialect.Quote(name)
		if err != nil {
			return nil, err
		}
		names[i] = quoted
	}
	query := fmt.Sprintf("select %s from %s where %s = %s", // #nosec G201 -- names are checked and quoted
		strings.Join(names[1:], ", "), names[0], names[1], dialect.Parameter(1))
	r := &Rows{db: db, dialect: dialect, keys: table.KeyType, names: columns, truth: make([]bool, len(columns)), query: query}
	for i, column := range table.Columns {
		r.truth[i] = column != columns[i]
	}
	return r, nil
}

// Find answers the row with a key and the key in its one spelling. Values are in
// the order of the columns, text always a string. An error is [ErrNoRow],
// [ErrKey] or the database's.
func (r *Rows) Find(ctx context.Context, id string) (key string, values []any, err error) {
	parameter, key, err := r.key(id)
	if err != nil {
		return "", nil, err
	}
	values = make([]any, len(r.names)+1) // the key is read too, so that there is always a column
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	err = r.db.QueryRowContext(ctx, r.query, parameter).Scan(into...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil, ErrNoRow
	case err != nil:
		return "", nil, fmt.Errorf("reading a row: %w", err)
	}
	for i, value := range values {
		if text, ok := value.([]byte); ok {
			values[i] = string(text)
		}
	}
	values = values[1:]
	for i, value := range values {
		if !r.truth[i] || value == nil {
			continue
		}
		if values[i], err = Truth(value); err != nil {
			return "", nil, fmt.Errorf("the column %s: %w", r.names[i], err)
		}
	}
	return key, values, nil
}

var uuids = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// key answers a text as the parameter of the query, and in its one spelling.
func (r *Rows) key(id string) (parameter any, canonical string, err error) {
	switch r.keys {
	case IntegerKey:
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, "", fmt.Errorf("%w: no integer", ErrKey)
		}
		return n, strconv.FormatInt(n, 10), nil
	case UUIDKey:
		id = strings.ToLower(id)
		if !uuids.MatchString(id) {
			return nil, "", fmt.Errorf("%w: no UUID", ErrKey)
		}
		if r.dialect == PostgreSQL {
			return id, id, nil
		}
		return strings.ReplaceAll(id, "-", ""), id, nil // char(32) there, as Django has it
	case TextKey:
	}
	return id, id, nil
}
