package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/strangler-proxy/strangler/store"
)

// applicationID marks a file as ours: "Strg".
const applicationID = 0x53747267

// migrations make the schema: the file's user_version is how many of them it
// has seen. One that was released is never edited.
var migrations = []string{
	`CREATE TABLE change (
		seq        INTEGER PRIMARY KEY AUTOINCREMENT,
		id         TEXT    NOT NULL UNIQUE,
		route      TEXT    NOT NULL,
		version    INTEGER NOT NULL CHECK (version > 0),
		verb       TEXT    NOT NULL,
		actor      TEXT    NOT NULL,
		reason     TEXT    NOT NULL,
		source     TEXT    NOT NULL,
		if_version INTEGER NOT NULL,
		at         TEXT    NOT NULL,
		before     TEXT    CHECK (before IS NULL OR json_valid(before)),
		after      TEXT    NOT NULL CHECK (json_valid(after)),
		UNIQUE (route, version)
	) STRICT;
	CREATE TRIGGER change_is_not_updated BEFORE UPDATE ON change
		BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
	CREATE TRIGGER change_is_not_deleted BEFORE DELETE ON change
		BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
	CREATE TABLE salt (
		cohort TEXT PRIMARY KEY,
		salt   TEXT NOT NULL CHECK (salt <> '')
	) STRICT, WITHOUT ROWID;
	CREATE TRIGGER salt_is_not_updated BEFORE UPDATE ON salt
		BEGIN SELECT RAISE(ABORT, 'a salt never changes'); END;
	CREATE TRIGGER salt_is_not_deleted BEFORE DELETE ON salt
		BEGIN SELECT RAISE(ABORT, 'a salt never changes'); END;
	CREATE TABLE secret (
		name  TEXT PRIMARY KEY,
		value BLOB NOT NULL
	) STRICT, WITHOUT ROWID;`,
	// States have a "rollout". The tables are as they were: the version alone
	// keeps a program that does not know the member from the file.
	`SELECT 2`,
	// How far each reader of the journal has come.
	`CREATE TABLE cursor (
		name TEXT    PRIMARY KEY,
		seq  INTEGER NOT NULL CHECK (seq >= 0)
	) STRICT, WITHOUT ROWID;`,
	// The keys that sign tokens.
	`CREATE TABLE key_set (
		issuer  TEXT    PRIMARY KEY,
		version INTEGER NOT NULL CHECK (version > 0),
		keys    BLOB    NOT NULL
	) STRICT, WITHOUT ROWID;`,
}

// identify answers the schema's version, 0 for a new file, of a file that bears
// the mark given and is of the newest version at most. It changes nothing.
func identify(ctx context.Context, db *sql.DB, mark, newest int) (version int, err error) {
	var id, objects int
	err = db.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&id, &version, &objects)
	switch {
	case err != nil:
		return 0, err
	case id == 0 && version == 0 && objects == 0:
		return 0, nil
	case id != mark:
		return 0, fmt.Errorf("%w: application_id is %#x, not %#x", store.ErrForeign, id, mark)
	case version > newest:
		return 0, fmt.Errorf("%w: its schema has version %d, this program knows up to %d", store.ErrNewer, version, newest)
	}
	return version, nil
}

// migrate brings the schema from the version given to the newest, each step in
// a transaction of its own.
func migrate(ctx context.Context, db *sql.DB, mark, from int, steps []string) error {
	for version := from; version < len(steps); version++ {
		if err := migrateStep(ctx, db, mark, version+1, steps[version]); err != nil {
			return fmt.Errorf("bringing the schema to version %d: %w", version+1, err)
		}
	}
	return nil
}

func migrateStep(ctx context.Context, db *sql.DB, mark, version int, step string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after Commit
	marks := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", mark, version)
	for _, statement := range []string{step, marks} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}
