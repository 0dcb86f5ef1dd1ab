package laravel

import (
	"context"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// UserTable is where the guard's users are (auth.providers). Zero values are
// those of Laravel's User.
type UserTable struct {
	// Table is its table, maybe with a schema before a dot; users.
	Table string
	// Key and KeyType are its primary key; id, an integer. Laravel keeps UUIDs and
	// ULIDs as texts: those are sqldb.TextKey, too.
	Key     string
	KeyType sqldb.KeyType
	// Password is the column of the password's hash; password.
	Password string
	// Deleted is the column of a model that has SoftDeletes, such as deleted_at;
	// none.
	Deleted string
	// Columns are further columns that a principal carries, as sqldb.Table has them;
	// none.
	Columns []string
}

// Users reads the guard's users. Safe for concurrent use.
type Users struct {
	config UserTable
	rows   *sqldb.Rows
}

// NewUsers makes a reader. An error says which name is wrong.
func NewUsers(db sqldb.Queryer, dialect sqldb.Dialect, config UserTable) (*Users, error) {
	for name, standard := range map[*string]string{&config.Table: "users", &config.Key: "id", &config.Password: "password"} {
		if *name == "" {
			*name = standard
		}
	}
	columns := []string{config.Password}
	if config.Deleted != "" {
		columns = append(columns, config.Deleted)
	}
	rows, err := sqldb.NewRows(db, dialect, sqldb.Table{
		Name: config.Table, Key: config.Key, KeyType: config.KeyType, Columns: append(columns, config.Columns...),
	})
	if err != nil {
		return nil, fmt.Errorf("the user table: %w", err)
	}
	config.Columns = sqldb.Names(config.Columns)
	return &Users{config, rows}, nil
}

// user is a row.
type user struct {
	id, password string
	columns      map[string]any
}

// find answers the user with the ID that a session has.
func (u *Users) find(ctx context.Context, id string) (user, error) {
	id, values, err := u.rows.Find(ctx, id)
	switch {
	case errors.Is(err, sqldb.ErrNoRow):
		return user{}, nobody(session.UserGone)
	case errors.Is(err, sqldb.ErrKey):
		return user{}, unknown(session.Undecodable, fmt.Errorf("a user's ID: %w", err))
	case err != nil:
		return user{}, fmt.Errorf("reading the user: %w", err)
	}
	found := user{id: id}
	found.password, _ = values[0].(string) // null: a user who signs in otherwise
	values = values[1:]
	if u.config.Deleted != "" {
		if values[0] != nil {
			return user{}, nobody(session.UserGone)
		}
		values = values[1:]
	}
	if len(values) > 0 {
		found.columns = make(map[string]any, len(values))
		for i, value := range values {
			found.columns[u.config.Columns[i]] = value
		}
	}
	return found, nil
}
