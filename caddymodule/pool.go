package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/notify"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/store/sqlite"
	"github.com/strangler-proxy/strangler/telemetry"
)

// What outlives generations, by what they work on: a state per store, and an engine per
// store and route table. Two configurations that name the same store share its
// state, also while one of them is being refused.
var (
	states  = caddy.NewUsagePool()
	engines = caddy.NewUsagePool()
)

const (
	openTimeout  = 10 * time.Second // reading the store at start
	closeTimeout = 5 * time.Second  // writing what the store has not taken yet
)

// engineKey is what an engine works on: two absolute paths, and the sources of
// flags as JSON and the identity's settings as a hash.
type engineKey struct{ store, routes, flags, identity string }

// lastTable is where the last good route table is kept: beside the store.
func lastTable(id engineKey) string { return id.store + ".routes" }

// serving says that this process is a server's; see Serve.
var serving atomic.Bool

// Serve tells that this process runs a server, and does not only check a
// configuration: its first configuration may then start with the last good
// route table when its own is refused.
func Serve() { serving.Store(true) }

// mayStartWithLast says whether a refused table is no reason to refuse the
// configuration: nothing runs yet that would go on.
func mayStartWithLast(id engineKey) bool {
	first := true
	engines.Range(func(any, any) bool {
		first = false
		return false
	})
	return first && serving.Load() && engine.HasLastTable(lastTable(id), id.routes)
}

// state is a store, the ledger over it and what tells of its changes.
type state struct {
	db     *sqlite.Store
	ledger *rollout.Ledger
	sender *notify.Sender
	shadow *evidence
	log    generationLog
	// leader moves the rollouts: the newest engine over the ledger of which a
	// configuration has started. There are two while a reload to another route
	// table is under way.
	leader stack[*pooled]
}

// pooled is an engine in the pool, with the state it holds on to.
type pooled struct {
	*engine.Engine
	state *state
	store string
	flags *flags.Evaluator // nil when the configuration names no source
	who   *identified      // nil when the configuration has no identity
	log   generationLog
}

// acquire takes the engine of that key, making it when nobody has it, of
// the table that was parsed already, if any. The engine logs through log, and
// webhooks are in use, as long as no newer generation has its own. The caller
// calls release exactly once.
func acquire(id engineKey, who *Identity, parsed *engine.Parsed, webhooks []notify.Webhook, log *slog.Logger) (running *pooled, release func() error, err error) {
	value, _, err := engines.LoadOrNew(id, func() (caddy.Destructor, error) { return newEngine(id, who, parsed, log) })
	if err != nil {
		return nil, nil, err
	}
	running = value.(*pooled)
	endEngine, endState := running.log.begin(log), running.state.log.begin(log)
	endWebhooks := running.state.sender.Use(webhooks)
	return running, func() error {
		endWebhooks()
		endEngine()
		endState()
		_, err := engines.Delete(id)
		return err
	}, nil
}

func newEngine(id engineKey, who *Identity, parsed *engine.Parsed, log *slog.Logger) (*pooled, error) {
	value, _, err := states.LoadOrNew(id.store, func() (caddy.Destructor, error) { return newState(id.store, log) })
	if err != nil {
		return nil, err
	}
	p := &pooled{state: value.(*state), store: id.store}
	version, _ := caddy.Version()
	metrics, err := telemetry.New(telemetry.Options{Version: version})
	if err == nil {
		defer p.log.begin(log)()
		p.flags, err = newFlags(id.flags, metrics, p.log.logger())
	}
	if err == nil {
		p.who, err = openIdentity(who, p.state.db, p.log.logger())
	}
	if err == nil {
		p.Engine, err = engine.New(engine.Options{
			Flags:       p.flags,
			Identity:    p.who.forEngine(),
			Ledger:      p.state.ledger,
			Secrets:     p.state.db,
			Parsed:      parsed,
			StoreNotice: p.state.db.Notice,
			LastTable:   lastTable(id),
			Webhooks:    p.state.sender.Status,
			Shadowing:   p.state.shadow.shadowing(),
			Telemetry:   metrics,
			Logger:      p.log.logger(),
			Leads:       func() bool { newest, _ := p.state.leader.newest(); return newest == p },
		})
	}
	if err == nil {
		if err = p.Watch(id.routes); err == nil {
			return p, nil
		}
		err = errors.Join(err, p.Close())
	}
	if p.flags != nil {
		err = errors.Join(err, p.flags.Close())
	}
	err = errors.Join(err, p.who.Close())
	if metrics != nil {
		err = errors.Join(err, metrics.Close(context.Background()))
	}
	_, released := states.Delete(id.store)
	return nil, errors.Join(err, released)
}

// begin tells that a configuration with this engine has started: it is the one
// that moves the rollouts, and whose tables are kept. One that is refused in the
// end does neither.
func (p *pooled) begin() {
	p.state.leader.remove(p)
	p.state.leader.push(p)
	p.KeepTables()
}

// Destruct ends the engine and lets go of its state; the pool calls it when the
// last generation has let go of the engine.
func (p *pooled) Destruct() error {
	p.state.leader.remove(p)
	err := p.Close()
	if p.flags != nil {
		err = errors.Join(err, p.flags.Close())
	}
	err = errors.Join(err, p.who.Close())
	_, released := states.Delete(p.store)
	return errors.Join(err, p.Telemetry().Close(context.Background()), released)
}

func newState(path string, log *slog.Logger) (*state, error) {
	s := new(state)
	defer s.log.begin(log)()
	db, err := sqlite.Recover(path, sqlite.Options{Now: time.Now, Logger: s.log.logger()})
	if err != nil {
		return nil, fmt.Errorf("store sqlite %s: %w", path, err)
	}
	s.db = db
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	s.ledger, err = rollout.Open(ctx, rollout.Options{Store: db, Now: time.Now, Logger: s.log.logger()})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store sqlite %s: %w", path, err), db.Close())
	}
	s.sender, err = notify.New(notify.Options{Journal: s.ledger, Cursors: db, Now: time.Now, Logger: s.log.logger()})
	if err == nil {
		s.shadow, err = openEvidence(path, db, s.log.logger())
	}
	if err != nil {
		if s.sender != nil {
			s.sender.Close()
		}
		return nil, errors.Join(err, s.ledger.Close(ctx), db.Close())
	}
	return s, nil
}

// Destruct writes what the store has not taken yet, as far as it answers in
// time, and closes it.
func (s *state) Destruct() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	s.sender.Close()
	return errors.Join(s.shadow.close(), s.ledger.Close(ctx), s.db.Close())
}

// absolute makes a path of the configuration absolute, with the server's
// working directory as Caddy does elsewhere, after replacing placeholders.
func absolute(path string) (string, error) {
	replaced, err := caddy.NewReplacer().ReplaceOrErr(path, true, true)
	if err != nil {
		return "", err
	}
	return filepath.Abs(replaced)
}
