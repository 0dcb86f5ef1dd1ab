package sqldb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Trigger tells of the rows of a PostgreSQL table that were deleted or changed, by
// NOTIFY on a channel. What is told is not the row's key, which may sign somebody
// in, but the hash of it ([Told]): every account of the database may listen.
type Trigger struct {
	// Channel is where it tells; see [ErrChannel]. Triggers of other tables need
	// others.
	Channel string
	// Table may have a schema before a dot; Key is the column that is told.
	Table, Key string
	// Ended and Changed are conditions in SQL: which rows that are deleted, as OLD,
	// count, and which that are updated, as OLD and NEW. All do, without one.
	Ended, Changed string
}

// ErrChannel is a text that is no name of a channel.
var ErrChannel = errors.New("no name of a channel: small letters, digits and _, at most 50")

var channels = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,49}$`)

// everything is what is told of a table that was emptied.
const everything = "*"

// Told is what a trigger tells of a row, by the row's key as text: SHA-256 in hex,
// as PostgreSQL's encode(sha256(convert_to(key, 'UTF8')), 'hex') has it.
func Told(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// triggerSQL has the function's name, the key's column and then, for each trigger,
// its name and the table, before what it is for.
const triggerSQL = `BEGIN;

CREATE OR REPLACE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_notify(TG_ARGV[0], '*');
  ELSE
    PERFORM pg_notify(TG_ARGV[0], encode(sha256(convert_to(OLD.%[2]s::text, 'UTF8')), 'hex'));
  END IF;
  RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS %[1]s_delete ON %[3]s;
CREATE TRIGGER %[1]s_delete AFTER DELETE ON %[3]s FOR EACH ROW%[4]s
  EXECUTE FUNCTION %[1]s('%[1]s');

DROP TRIGGER IF EXISTS %[1]s_update ON %[3]s;
CREATE TRIGGER %[1]s_update AFTER UPDATE ON %[3]s FOR EACH ROW%[5]s
  EXECUTE FUNCTION %[1]s('%[1]s');

DROP TRIGGER IF EXISTS %[1]s_truncate ON %[3]s;
CREATE TRIGGER %[1]s_truncate AFTER TRUNCATE ON %[3]s FOR EACH STATEMENT
  EXECUTE FUNCTION %[1]s('%[1]s');

COMMIT;
`

// SQL makes the trigger, for PostgreSQL 11 and later, or makes it anew. Whoever owns
// the table runs it. An error says which name is wrong.
func (t Trigger) SQL() (string, error) {
	if err := t.check(); err != nil {
		return "", err
	}
	key, err := PostgreSQL.Quote(t.Key)
	if err != nil {
		return "", err
	}
	table, err := PostgreSQL.Quote(t.Table)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(triggerSQL, t.Channel, key, table, when(t.Ended), when(t.Changed)), nil
}

func (t Trigger) check() error {
	if !channels.MatchString(t.Channel) {
		return fmt.Errorf("%q: %w", t.Channel, ErrChannel)
	}
	return nil
}

func when(condition string) string {
	if condition == "" {
		return ""
	}
	return "\n  WHEN (" + condition + ")"
}

// told are the events that a trigger tells of, by their bits in pg_trigger.tgtype
// (src/include/catalog/pg_trigger.h).
var told = []struct {
	bits int
	name string
}{{8 | 1, "DELETE"}, {16 | 1, "UPDATE"}, {32, "TRUNCATE"}}

// triggerQuery answers whether there is a table, and what the triggers tell that
// are on it, enabled, for a channel: AFTER (no 2) and not INSTEAD OF (no 64).
const triggerQuery = `select to_regclass($1) is not null, coalesce(array_agg(tgtype::int), '{}') from pg_catalog.pg_trigger
where tgrelid = to_regclass($1) and not tgisinternal and tgenabled in ('O', 'A') and tgtype & 66 = 0
and tgargs = convert_to($2, 'UTF8') || decode('00', 'hex')`

// missing says what triggers of these types do not tell of.
func missing(types []int) string {
	var need []string
	for _, event := range told {
		tells := false
		for _, bits := range types {
			tells = tells || bits&event.bits == event.bits
		}
		if !tells {
			need = append(need, event.name)
		}
	}
	return strings.Join(need, ", ")
}
