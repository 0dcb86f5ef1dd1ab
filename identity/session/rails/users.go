package rails

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// UserTable is where the monolith's model of users is. Zero values are what Rails
// and Devise generate.
type UserTable struct {
	// Table is its table, maybe with a schema before a dot; users.
	Table string
	// Key and KeyType are its primary key; id, an integer.
	Key     string
	KeyType sqldb.KeyType
	// Password is the column whose beginning Devise has in the session;
	// encrypted_password. NoPassword says that the model has none (no
	// database_authenticatable): then the only end of a session is its own.
	Password   string
	NoPassword bool
	// Active is a column that says whether the user may sign in; none: all may.
	Active string
	// Null and Set are columns that must be null (locked_at, deleted_at) and must
	// not be (confirmed_at); none. Where one is otherwise the monolith serves:
	// locks end and periods of grace begin by rules that only it knows.
	Null, Set []string
	// Columns are further columns that a principal carries, as sqldb.Table has them;
	// none.
	Columns []string
}

// Users reads the users' table. Safe for concurrent use.
type Users struct {
	config UserTable
	rows   *sqldb.Rows
}

// NewUsers makes a reader. An error says which name is wrong.
func NewUsers(db sqldb.Queryer, dialect sqldb.Dialect, config UserTable) (*Users, error) {
	for name, standard := range map[*string]string{&config.Table: "users", &config.Key: "id", &config.Password: "encrypted_password"} {
		if *name == "" {
			*name = standard
		}
	}
	var columns []string
	if !config.NoPassword {
		columns = append(columns, config.Password)
	}
	if config.Active != "" {
		columns = append(columns, config.Active)
	}
	columns = append(append(append(columns, config.Null...), config.Set...), config.Columns...)
	rows, err := sqldb.NewRows(db, dialect, sqldb.Table{Name: config.Table, Key: config.Key, KeyType: config.KeyType, Columns: columns})
	if err != nil {
		return nil, fmt.Errorf("the user table: %w", err)
	}
	config.Columns = sqldb.Names(config.Columns)
	return &Users{config, rows}, nil
}

// user is a row.
type user struct {
	id      string
	columns map[string]any
}

// find answers the user that a session claims to be.
func (u *Users) find(ctx context.Context, claimed claim) (user, error) {
	id, row, err := u.rows.Find(ctx, claimed.id)
	switch {
	case errors.Is(err, sqldb.ErrNoRow):
		return user{}, nobody(session.UserGone)
	case errors.Is(err, sqldb.ErrKey):
		return user{}, unknown(session.Undecodable, fmt.Errorf("a user's ID: %w", err))
	case err != nil:
		return user{}, fmt.Errorf("reading the user: %w", err)
	}
	if !u.config.NoPassword {
		if claimed.devise && !salted(claimed.salt, row[0]) {
			return user{}, nobody(session.OtherHash)
		}
		row = row[1:]
	}
	if row, err = u.allowed(row); err != nil {
		return user{}, err
	}
	found := user{id: id}
	for i, name := range u.config.Columns {
		if found.columns == nil {
			found.columns = make(map[string]any, len(row))
		}
		found.columns[name] = row[i]
	}
	return found, nil
}

// allowed checks the columns that say who may sign in and answers the rest.
func (u *Users) allowed(row []any) ([]any, error) {
	if u.config.Active != "" {
		active, err := sqldb.Truth(row[0])
		switch {
		case err != nil:
			return nil, unknown(session.Undecodable, fmt.Errorf("the column %s: %w", u.config.Active, err))
		case !active:
			return nil, nobody(session.UserInactive)
		}
		row = row[1:]
	}
	for i, name := range append(u.config.Null[:len(u.config.Null):len(u.config.Null)], u.config.Set...) {
		if mustBeNull := i < len(u.config.Null); (row[i] == nil) != mustBeNull {
			return nil, unknown(session.Refused, fmt.Errorf("the user's column %s lets the monolith decide", name))
		}
	}
	return row[len(u.config.Null)+len(u.config.Set):], nil
}

// saltLength is how much of the hash is in the session: bcrypt's own salt
// (Devise::Models::DatabaseAuthenticatable#authenticatable_salt).
const saltLength = 29

// salted says whether a session has the beginning of a password's hash; nil
// equals null, as in Ruby.
func salted(salt *string, column any) bool {
	password, ok := column.(string)
	if !ok || salt == nil {
		return column == nil && salt == nil
	}
	if beginning := []rune(password); len(beginning) > saltLength {
		password = string(beginning[:saltLength])
	}
	return subtle.ConstantTimeCompare([]byte(password), []byte(*salt)) == 1
}
