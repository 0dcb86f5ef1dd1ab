package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// defaultChannel is where triggers tell of sessions.
const defaultChannel = "strangler_sessions"

// Listen has PostgreSQL tell of sessions that changed, by a trigger on their table
// that `strangler sessions trigger` prints.
type Listen struct {
	// Channel is where the trigger tells. Default: strangler_sessions.
	Channel string `json:"channel,omitempty"`
	// Database is the URL of the server itself, where the sessions' is that of a pooler
	// or a standby. Default: the sessions'.
	Database string `json:"database,omitempty"`
}

// parse reads: listen [<channel> [<database url>]]
func (l *Listen) parse(d *caddyfile.Dispenser, name string) error {
	args := append(d.RemainingArgs(), "", "")
	if len(args) > 4 {
		return d.Errf("%s: %d words are behind it; write: listen [<channel> [<database url>]]", name, len(args)-2)
	}
	l.Channel, l.Database = args[0], args[1]
	return nil
}

// of refuses what no trigger tells of; it is nil without a Listen.
func (l *Listen) of(table bool) error {
	if l == nil || table {
		return nil
	}
	return errors.New("listen: only a table of sessions has a trigger; Redis tells by itself, see docs/sessions.md")
}

// replace replaces the placeholders of one that is there.
func (l *Listen) replace() error {
	if l == nil || l.Database == "" {
		return nil
	}
	return replacePlaceholders("listen", &l.Database)
}

// toldTable is a table of sessions of which a trigger may tell.
type toldTable interface {
	Trigger(channel string) sqldb.Trigger
}

// listen answers what the table's trigger tells, which is nothing unless it is asked
// for. The database is that of the sessions.
func (s *Sessions) listen(l *Listen, table toldTable, dialect sqldb.Dialect, database string) (session.Events, error) {
	if l == nil {
		return nil, nil //nolint:nilnil // no events is what a session.Watch without them has
	}
	if dialect != sqldb.PostgreSQL {
		return nil, errors.New("listen: only PostgreSQL tells of sessions that changed")
	}
	trigger := table.Trigger(cmp.Or(l.Channel, defaultChannel))
	events, err := trigger.Events(cmp.Or(l.Database, database))
	if err == nil {
		s.Trigger, err = trigger.SQL()
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return events, nil
}

// SessionTrigger is the SQL of the trigger that the configuration listens to.
func (a *App) SessionTrigger() (sql string, err error) {
	opened, err := a.openSessions(time.Now)
	if err != nil {
		return "", err
	}
	if opened.Trigger == "" {
		err = errors.New("the sessions block does not listen to a PostgreSQL; write: listen")
	}
	return opened.Trigger, errors.Join(err, opened.Close())
}
