package django

import (
	"context"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// UserTable is where the user model of the monolith is: AUTH_USER_MODEL. Zero
// values are those of django.contrib.auth.models.User.
type UserTable struct {
	// Table is its table, maybe with a schema before a dot; auth_user.
	Table string
	// Key and KeyType are its primary key; id, an integer.
	Key     string
	KeyType sqldb.KeyType
	// Password is the column of the password's hash; password. NoPassword says
	// that the model has none (no AbstractBaseUser): then the only end of a
	// session is its own.
	Password   string
	NoPassword bool
	// Active is the column that says whether the user may sign in; is_active.
	// NoActive says that the model has none: all may.
	Active   string
	NoActive bool
	// Columns are further columns that a principal carries, as sqldb.Table has them;
	// none.
	Columns []string
}

// Users reads the user model's table. Safe for concurrent use.
type Users struct {
	config UserTable
	rows   *sqldb.Rows
}

// NewUsers makes a reader. An error says which name is wrong.
func NewUsers(db sqldb.Queryer, dialect sqldb.Dialect, config UserTable) (*Users, error) {
	for name, standard := range map[*string]string{
		&config.Table: "auth_user", &config.Key: "id", &config.Password: "password", &config.Active: "is_active",
	} {
		if *name == "" {
			*name = standard
		}
	}
	config.Columns = sqldb.Booleans(config.Columns, "is_active", "is_staff", "is_superuser")
	var columns []string
	if !config.NoPassword {
		columns = append(columns, config.Password)
	}
	if !config.NoActive {
		columns = append(columns, config.Active)
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
	active       bool
	columns      map[string]any
}

// find answers the user with the ID that a session has. Django answers 500 to
// an ID that can be none, so the monolith shall.
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
	found := user{id: id, active: true}
	if !u.config.NoPassword {
		password, ok := values[0].(string)
		if !ok {
			return user{}, unknown(session.Undecodable, errors.New("a user without a password column's value"))
		}
		found.password, values = password, values[1:]
	}
	if !u.config.NoActive {
		if found.active, err = sqldb.Truth(values[0]); err != nil {
			return user{}, unknown(session.Undecodable, fmt.Errorf("the column of active users: %w", err))
		}
		values = values[1:]
	}
	found.columns = u.columns(values)
	return found, nil
}

func (u *Users) columns(read []any) map[string]any {
	if len(read) == 0 {
		return nil
	}
	out := make(map[string]any, len(read))
	for i, value := range read {
		out[u.config.Columns[i]] = value
	}
	return out
}
