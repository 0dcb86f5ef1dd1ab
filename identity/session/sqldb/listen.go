package sqldb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/strangler-proxy/strangler/identity/session"
)

const (
	// askEvery is how often the trigger is looked for and the way of notifications
	// tried, and answerIn how long each of it may take.
	askEvery = 10 * time.Second
	answerIn = 2 * time.Second
	// ping is what we tell ourselves: it comes back the way that notifications take.
	ping = ""
)

// Events are what the trigger tells to a connection of their own to the PostgreSQL
// of a URL. It has to be the server itself: a standby has no notifications, and a
// pooler that shares its connections keeps them. An error wraps [ErrURL] and does
// not hold the URL, or [ErrChannel].
//
// Nothing is ever made: a table without the trigger is [session.ErrSilent].
func (t Trigger) Events(address string) (session.Events, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	table, err := PostgreSQL.Quote(t.Table)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fmt.Errorf("%w: write postgres://user:password@host:5432/name", ErrURL)
	}
	config, err := pgx.ParseConfig(with(u, "default_transaction_read_only", "on"))
	if err != nil {
		return nil, fmt.Errorf("%w: pgx refuses it", ErrURL)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "strangler: " + t.Channel
	}
	return &listener{trigger: t, table: table, config: config}, nil
}

type listener struct {
	trigger Trigger
	table   string // quoted
	config  *pgx.ConnConfig
}

// Follow implements session.Events.
func (l *listener) Follow(ctx context.Context, on func(doubt error), changed func(key string)) error {
	err := l.follow(ctx, on, changed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (l *listener) follow(ctx context.Context, on func(doubt error), changed func(key string)) error {
	conn, err := l.listen(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerIn)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	f := &following{conn: conn, all: func() {}, changed: changed}
	for began := false; ; began = true {
		doubt, err := l.ask(ctx, conn)
		if err != nil {
			return err
		}
		if err := f.echo(ctx); err != nil {
			if !began && pgconn.Timeout(err) {
				return fmt.Errorf("%w: postgresql keeps notifications from this connection, as a pooler does that shares connections; listen to the server itself: listen %s <url>",
					session.ErrSilent, l.trigger.Channel)
			}
			return fmt.Errorf("postgresql: %w", err)
		}
		if !began {
			f.all = func() { on(doubt) }
			f.all()
		}
		if err := f.hear(ctx, askEvery, func(*pgconn.Notification) bool { return false }); err != nil && !pgconn.Timeout(err) {
			return fmt.Errorf("postgresql: %w", err)
		}
	}
}

// notOnStandby is what LISTEN ends with during recovery
// (read_only_sql_transaction).
const notOnStandby = "25006"

// listen connects. What is committed from then on is told.
func (l *listener) listen(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return nil, fmt.Errorf("postgresql: %w", err)
	}
	if _, err = conn.Exec(ctx, "listen "+pgx.Identifier{l.trigger.Channel}.Sanitize()); err == nil {
		return conn, nil
	}
	_ = conn.Close(ctx)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == notOnStandby {
		return nil, fmt.Errorf("%w: this postgresql is a standby, which has no notifications; listen to the primary: listen %s <url>", session.ErrSilent, l.trigger.Channel)
	}
	return nil, fmt.Errorf("postgresql: %w", err)
}

// ask sends a ping, which every user may, and looks for the trigger; the doubt is
// that it may not be looked for.
func (l *listener) ask(ctx context.Context, conn *pgx.Conn) (doubt, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	if _, err := conn.Exec(ctx, "select pg_notify($1, $2)", l.trigger.Channel, ping); err != nil {
		return nil, fmt.Errorf("postgresql: %w", err)
	}
	var table bool
	var types []int
	err = conn.QueryRow(ctx, triggerQuery, l.table, l.trigger.Channel).Scan(&table, &types)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("whether %s has the trigger is not known, as it may not be asked: %w", l.table, refused), nil
	}
	need := missing(types)
	switch {
	case err != nil:
		return nil, fmt.Errorf("postgresql: %w", err)
	case !table:
		return nil, fmt.Errorf("%w: there is no table %s here", session.ErrSilent, l.table)
	case need != "":
		return nil, fmt.Errorf("%w: %s has no trigger that tells channel %s of %s; this makes it: strangler sessions trigger --config CADDYFILE | psql DATABASE",
			session.ErrSilent, l.table, l.trigger.Channel, need)
	}
	return nil, nil
}

// following is a connection that listens.
type following struct {
	conn    *pgx.Conn
	all     func() // the table was emptied
	changed func(key string)
}

// echo waits until our own ping is back.
func (f *following) echo(ctx context.Context) error {
	return f.hear(ctx, answerIn, func(n *pgconn.Notification) bool { return n.Payload == ping && n.PID == f.conn.PgConn().PID() })
}

// hear tells what comes until it is enough, or so long; that error is a time-out.
func (f *following) hear(ctx context.Context, long time.Duration, enough func(*pgconn.Notification) bool) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	for {
		n, err := f.conn.WaitForNotification(ctx)
		switch {
		case err != nil:
			return err
		case n.Payload == everything:
			f.all()
		case n.Payload != ping:
			f.changed(n.Payload)
		}
		if enough(n) {
			return nil
		}
	}
}
