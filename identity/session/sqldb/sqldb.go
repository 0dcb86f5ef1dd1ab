// Package sqldb opens the monolith's database for reading: PostgreSQL, MySQL and
// MariaDB, or an SQLite file. It knows what differs between them in the few
// statements that reading a session needs.
package sqldb

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// Dialect is how a database wants its statements.
type Dialect uint8

// The dialects.
const (
	PostgreSQL Dialect = iota
	MySQL
	SQLite
)

// The pool is small: a session is one or two reads by primary key.
const (
	maxConns = 16
	maxIdle  = 4
	idleFor  = 5 * time.Minute
	// fileFor is how long a connection to an SQLite file is kept: one that was
	// moved away or replaced, by a backup say, would be read for ever.
	fileFor = time.Second

	// lockedFor is how long, in milliseconds, a read waits at most while somebody
	// writes to an SQLite file; without it a commit of the monolith fails every
	// read beside it. The read's context ends it earlier.
	lockedFor = "5000"
)

// ErrURL is a database URL that cannot be used.
var ErrURL = errors.New("database URL")

// Open opens the database of a URL and answers its dialect. Nothing is connected
// to yet. On PostgreSQL and SQLite the connections can only read; on MySQL give
// the user of the URL no more than SELECT. The caller closes it.
//
//	postgres://user:password@host:5432/name?sslmode=verify-full
//	mysql://user:password@host:3306/name
//	sqlite:///var/lib/monolith/db.sqlite3
//
// An error wraps [ErrURL] and does not hold the URL, which has a password in it.
func Open(address string) (*sql.DB, Dialect, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: not a URL", ErrURL)
	}
	var driver, name string
	var dialect Dialect
	switch u.Scheme {
	case "postgres", "postgresql":
		driver, name, dialect = "pgx", with(u, "default_transaction_read_only", "on"), PostgreSQL
	case "mysql", "mariadb":
		driver, name, dialect = "mysql", mysqlName(u), MySQL
	case "sqlite":
		u.Scheme = "file"
		with(u, "_busy_timeout", lockedFor)
		driver, name, dialect = "sqlite", with(u, "mode", "ro"), SQLite
	default:
		return nil, 0, fmt.Errorf("%w: scheme %q; write postgres://, mysql:// or sqlite://", ErrURL, u.Scheme)
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s refuses it", ErrURL, driver)
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(idleFor)
	if dialect == SQLite {
		db.SetConnMaxLifetime(fileFor)
	}
	return db, dialect, nil
}

// with gives the URL a parameter.
func with(u *url.URL, key, value string) string {
	query := u.Query()
	query.Set(key, value)
	u.RawQuery = query.Encode()
	return u.String()
}

func mysqlName(u *url.URL) string {
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr = "tcp", u.Host
	if u.Port() == "" {
		config.Addr += ":3306"
	}
	if socket := u.Query().Get("socket"); socket != "" {
		config.Net, config.Addr = "unix", socket
	}
	config.TLSConfig = u.Query().Get("tls")
	config.DBName = strings.TrimPrefix(u.Path, "/")
	return config.FormatDSN()
}

// names are what [Dialect.Quote] takes.
var names = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$`)

// Quote quotes the name of a table or a column, which may have a schema before
// it. It refuses what is no plain name. SQLite gets backquotes: a name in double
// quotes that no column has is a text there (sqlite.org/quirks.html, section 8),
// so that a mistyped column would say the same of everybody.
func (d Dialect) Quote(name string) (string, error) {
	if !names.MatchString(name) {
		return "", fmt.Errorf("%q is no name of a table or column: letters, digits, _ and $, and one dot before them; behind a column may stand :boolean", name)
	}
	quote := "`"
	if d == PostgreSQL {
		quote = `"`
	}
	return quote + strings.ReplaceAll(name, ".", quote+"."+quote) + quote, nil
}

// Parameter is the placeholder of the n-th parameter, from 1.
func (d Dialect) Parameter(n int) string {
	if d == PostgreSQL {
		return fmt.Sprintf("$%d", n)
	}
	return "?"
}
