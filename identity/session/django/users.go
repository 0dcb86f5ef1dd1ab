package django

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// Queryer reads from a database; *sql.DB is one. Nothing else is asked of it.
type Queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// KeyType is the type of the user model's primary key.
type KeyType uint8

// The key types.
const (
	IntegerKey KeyType = iota
	TextKey
	UUIDKey
)

// UserTable is where the user model of the monolith is: AUTH_USER_MODEL. Zero
// values are those of django.contrib.auth.models.User.
type UserTable struct {
	// Table is its table, maybe with a schema before a dot; auth_user.
	Table string
	// Key and KeyType are its primary key; id, an integer.
	Key     string
	KeyType KeyType
	// Password is the column of the password's hash; password. NoPassword says
	// that the model has none (no AbstractBaseUser): then the only end of a
	// session is its own.
	Password   string
	NoPassword bool
	// Active is the column that says whether the user may sign in; is_active.
	// NoActive says that the model has none: all may.
	Active   string
	NoActive bool
	// Columns are further columns that a principal carries; none.
	Columns []string
}

// Users reads the user model's table. Safe for concurrent use.
type Users struct {
	config  UserTable
	db      Queryer
	dialect sqldb.Dialect
	query   string
}

// NewUsers makes a reader. An error says which name is wrong.
func NewUsers(db Queryer, dialect sqldb.Dialect, config UserTable) (*Users, error) {
	for name, standard := range map[*string]string{
		&config.Table: "auth_user", &config.Key: "id", &config.Password: "password", &config.Active: "is_active",
	} {
		if *name == "" {
			*name = standard
		}
	}
	var columns []string
	if !config.NoPassword {
		columns = append(columns, config.Password)
	}
	if !config.NoActive {
		columns = append(columns, config.Active)
	}
	names := append([]string{config.Table, config.Key}, append(columns, config.Columns...)...)
	for i, name := range names {
		quoted, err := dialect.Quote(name)
		if err != nil {
			return nil, fmt.Errorf("the user table: %w", err)
		}
		names[i] = quoted
	}
	query := fmt.Sprintf("select %s from %s where %s = %s", // #nosec G201 -- names are checked and quoted
		strings.Join(names[1:], ", "), names[0], names[1], dialect.Parameter(1))
	return &Users{config: config, db: db, dialect: dialect, query: query}, nil
}

// user is a row.
type user struct {
	id, password string
	active       bool
	columns      map[string]any
}

// find answers the user with the ID that a session has.
func (u *Users) find(ctx context.Context, id string) (user, error) {
	key, id, err := u.key(id)
	if err != nil {
		return user{}, err
	}
	found := user{id: id, active: true}
	var active any
	var password sql.NullString
	into := []any{new(any)}
	if !u.config.NoPassword {
		into = append(into, &password)
	}
	if !u.config.NoActive {
		into = append(into, &active)
	}
	columns := make([]any, len(u.config.Columns))
	for i := range columns {
		into = append(into, &columns[i])
	}
	err = u.db.QueryRowContext(ctx, u.query, key).Scan(into...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return user{}, nobody(session.UserGone)
	case err != nil:
		return user{}, fmt.Errorf("reading the user: %w", err)
	case !u.config.NoPassword && !password.Valid:
		return user{}, unknown(session.Undecodable, errors.New("a user without a password column's value"))
	}
	found.password = password.String
	if !u.config.NoActive {
		if found.active, err = truth(active); err != nil {
			return user{}, err
		}
	}
	found.columns = u.columns(columns)
	return found, nil
}

func (u *Users) columns(read []any) map[string]any {
	if len(read) == 0 {
		return nil
	}
	out := make(map[string]any, len(read))
	for i, value := range read {
		if text, ok := value.([]byte); ok {
			value = string(text)
		}
		out[u.config.Columns[i]] = value
	}
	return out
}

var uuids = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// key answers a session's user ID as the parameter of the query, and in its one
// spelling. Django answers 500 to what is none, so the monolith shall.
func (u *Users) key(id string) (parameter any, canonical string, err error) {
	switch u.config.KeyType {
	case IntegerKey:
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, "", unknown(session.Undecodable, errors.New("a user ID that is no integer"))
		}
		return n, strconv.FormatInt(n, 10), nil
	case UUIDKey:
		id = strings.ToLower(id)
		if !uuids.MatchString(id) {
			return nil, "", unknown(session.Undecodable, errors.New("a user ID that is no UUID"))
		}
		if u.dialect == sqldb.PostgreSQL {
			return id, id, nil
		}
		return strings.ReplaceAll(id, "-", ""), id, nil // char(32) there
	case TextKey:
	}
	return id, id, nil
}

// truth reads a boolean column as the drivers answer it.
func truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case []byte:
		return len(v) > 0 && string(v) != "0" && v[0] != 0, nil
	}
	return false, unknown(session.Undecodable, fmt.Errorf("the column of active users is a %T", v))
}
