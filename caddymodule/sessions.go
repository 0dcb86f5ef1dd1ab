package caddymodule

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// sessionsNamespace is where the formats of sessions are: a module
// strangler.sessions.NAME is `sessions NAME { … }` in an identity block.
const sessionsNamespace = "strangler.sessions"

// SessionFormat is a module that reads one framework's sessions. To add a format,
// add one file like sessions_django.go: a struct with the settings as JSON
// fields, registered in init, that implements this interface. Nothing else names
// the formats.
//
//   - UnmarshalCaddyfile reads the block; parseBlock, oneArg and someArgs are for
//     that. What is wrong there has file and line.
//   - Provision (caddy.Provisioner) replaces placeholders with replacePlaceholders
//     and checks the settings. What is wrong there refuses the configuration. After
//     it the struct as JSON stands for the settings: the same JSON in the next
//     configuration keeps the engine with its caches and connections.
//   - Open makes the reader.
type SessionFormat interface {
	caddy.Module
	caddyfile.Unmarshaler
	// Open makes the reader with its pools of connections; nothing has to be
	// reachable yet. An error says which setting is wrong, and holds no secret.
	Open(now func() time.Time) (*Sessions, error)
}

// Sessions is a reader of sessions, opened.
type Sessions struct {
	Reader session.Reader
	// Watch is how the store tells of sessions that changed or ended; none.
	Watch session.Watch
	// Trigger is the SQL that makes a PostgreSQL tell, where that is listened to.
	Trigger string
	// Attributes are the names of what a principal of it carries in User, and as
	// "session.NAME" in Session. A route's claims and flag attributes may name
	// these and no other. Nil: not known beforehand, and any may be named.
	Attributes []string
	// CSRFCookie is the monolith's cookie against cross-site requests, which
	// services do not get unless their route keeps cookies; empty: it has none.
	CSRFCookie string

	closers []func() error
}

// onClose adds what ends with the reader: a pool of connections.
func (s *Sessions) onClose(end func() error) { s.closers = append(s.closers, end) }

// Close ends the pools.
func (s *Sessions) Close() error {
	errs := make([]error, 0, len(s.closers))
	for _, end := range s.closers {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// database opens a database of the monolith for reading, and closes it with the
// reader. The error does not hold the URL.
func (s *Sessions) database(address string) (*sql.DB, sqldb.Dialect, error) {
	db, dialect, err := sqldb.Open(address)
	if err == nil {
		s.onClose(db.Close)
	}
	return db, dialect, err
}

// redis is the same of a Redis.
func (s *Sessions) redis(address string) (*rediskv.Client, error) {
	client, err := rediskv.Open(address)
	if err == nil {
		s.onClose(client.Close)
	}
	return client, err
}

// replacePlaceholders replaces global placeholders such as {env.NAME} and
// {file./path} in all of them; one that is empty or unknown is an error, which
// what names.
func replacePlaceholders(what string, texts ...*string) error {
	replacer := caddy.NewReplacer()
	for _, text := range texts {
		replaced, err := replacer.ReplaceOrErr(*text, true, true)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		*text = replaced
	}
	return nil
}

// someArgs reads one argument or more into a list.
func someArgs(d *caddyfile.Dispenser, name, what string, into *[]string) option {
	return func() error {
		if *into = d.RemainingArgs(); len(*into) == 0 {
			return d.Errf("%s: there is no <%s> behind it", name, what)
		}
		return nil
	}
}
