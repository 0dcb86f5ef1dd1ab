package flask

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// UserTable is where the monolith has its users. Its user_loader has to find
// users there by the session's ID.
type UserTable struct {
	// Table is its table, maybe with a schema before a dot; user, as Flask-SQLAlchemy
	// names that of a class User.
	Table string
	// Key and KeyType are its primary key; id, an integer.
	Key     string
	KeyType sqldb.KeyType
	// Active is a column of booleans that says who may sign in; none.
	Active string
	// Columns are further columns that a principal carries, as sqldb.Table has them;
	// none.
	Columns []string
}

// Users asks for each session whether its user is still there and active. Safe
// for concurrent use.
type Users struct {
	config UserTable
	rows   *sqldb.Rows
}

// NewUsers makes a reader. An error says which name is wrong.
func NewUsers(db sqldb.Queryer, dialect sqldb.Dialect, config UserTable) (*Users, error) {
	if config.Table == "" {
		config.Table = "user"
	}
	if config.Key == "" {
		config.Key = "id"
	}
	var columns []string
	if config.Active != "" {
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

// check answers the principal with what the table says, or why it is none.
func (u *Users) check(ctx context.Context, p session.Principal) session.Outcome {
	id, values, err := u.rows.Find(ctx, p.Subject)
	switch {
	case errors.Is(err, sqldb.ErrNoRow):
		return session.Nobody(session.UserGone)
	case errors.Is(err, sqldb.ErrKey):
		return session.Unknown(session.Undecodable, fmt.Errorf("a user's ID: %w", err))
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return session.Unknown(session.TimedOut, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	case err != nil:
		return session.Unknown(session.StoreFailed, fmt.Errorf("reading the user: %w", err))
	}
	if u.config.Active != "" {
		active, err := sqldb.Truth(values[0])
		switch {
		case err != nil:
			return session.Unknown(session.Undecodable, fmt.Errorf("the column of active users: %w", err))
		case !active:
			return session.Nobody(session.UserInactive)
		}
		values = values[1:]
	}
	session.Step(ctx, "the user's row agrees")
	p.Subject = id
	for i, name := range u.config.Columns {
		if p.User == nil {
			p.User = make(map[string]any, len(values))
		}
		p.User[name] = values[i]
	}
	return session.Is(p)
}
