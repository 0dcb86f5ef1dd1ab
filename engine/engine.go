package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/notify"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/telemetry"
)

// Secrets keeps what we make once and must not lose.
type Secrets interface {
	// Secret returns the stored bytes of that name; when there are none it
	// stores what fresh returns. It is called from one goroutine.
	Secret(ctx context.Context, name string, fresh func() []byte) ([]byte, error)
}

// Options for New. Only Ledger is required.
type Options struct {
	// Ledger holds the rollout state. The caller closes it after the engine.
	Ledger *rollout.Ledger
	// Secrets keeps the key that signs visitor cookies. Nil: there are none,
	// and routes that are sticky by user or visitor have no key below 100 %.
	Secrets Secrets
	// Parsed is the table that the first Watch loads, if its file still has that
	// content. Nil: Watch reads it.
	Parsed *Parsed
	// LastTable is a file in which the last good table is kept, for a start at
	// which the table's own is refused. Empty: it is not kept.
	LastTable string
	// Flags answers what the flags of routes say. The caller closes it after the
	// engine. Nil: a route with a flag is the monolith's.
	Flags *flags.Evaluator
	// Identity is who the monolith's users are. Nil: nobody is known, and a table
	// that needs to know is refused.
	Identity *Identity
	// StoreNotice answers what an operator must know of the store's file, for the
	// status; empty: nothing. Nil: nobody asks.
	StoreNotice func() string
	// Webhooks answers how the webhooks are, for the status. Nil: there are none.
	Webhooks func() []notify.Status
	// Shadowing compares the answers of routes that say shadow. Nil: none are.
	Shadowing *Shadowing
	// Telemetry takes the metrics. Nil: the engine makes its own. The caller
	// closes what it gave.
	Telemetry *telemetry.Telemetry
	// Logger says what was loaded and refused. Nil: nobody is told.
	Logger *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Poll is how often the table's file is looked at beside watching it, for
	// file systems that tell nothing. Default 2s.
	Poll time.Duration
	// Look is how often the rollouts are looked at. Default 2s.
	Look time.Duration
	// Leads says whether this engine moves rollouts. Engines that share a ledger
	// while configurations overlap give it, so that one of them does. Nil: it does.
	Leads func() bool
	// Quiet is how long a file must be left alone after a change before it is
	// read, so that no half-written table is. Default 50ms.
	Quiet time.Duration
}

// Engine is the Caddy-free core. It is made once, outlives configurations, and
// its methods may be called concurrently.
type Engine struct {
	options   Options
	log       *slog.Logger
	now       func() time.Time
	ledger    *rollout.Ledger
	telemetry *telemetry.Telemetry
	identity  *whois // nil: nobody is known
	failed    rarely // to make tokens

	view     atomic.Pointer[view] // what requests see; nil before the first table
	visitors atomic.Pointer[identity.Visitors]

	loading sync.Mutex // one load of the file at a time; guards file and seen
	file    *watcher   // nil before Watch
	seen    [32]byte   // hash of the file's content when it was last read
	keeps   bool       // see KeepTables
	unkept  kept       // what it will keep

	mu      sync.Mutex // guards what the view is made of
	plan    *plan
	base    []*routes.State // the plan's states before the ledger's, by Entry.Index
	refused *Refusal
	salts   map[string]string   // by cohort; a salt never changes
	offers  map[*offer]struct{} // one per living configuration

	controller *rollout.Controller
	events     events
	pins       *pins

	mirrors *shadow.Mirrors           // nil without Options.Shadowing
	marks   map[string]*atomic.Uint64 // by route; guarded by loading

	recent     atomic.Pointer[recent.Ring] // nil: no request is remembered
	layouts    recent.Layouts
	previewing sync.Mutex // one preview at a time

	background context.Context
	retry      chan struct{} // asks for what is missing
	finish     []func()
	done       sync.WaitGroup
}

// New makes an engine without a table; Watch gives it one.
func New(o Options) (_ *Engine, err error) {
	if o.Ledger == nil {
		return nil, errors.New("engine: a ledger is required")
	}
	e := &Engine{
		options: o, log: o.Logger, now: o.Now, ledger: o.Ledger, telemetry: o.Telemetry,
		salts:  map[string]string{},
		offers: map[*offer]struct{}{},
		retry:  make(chan struct{}, 1),
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.pins = newPins(e.now())
	if e.identity, err = newWhois(o.Identity, e.now); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil { // what was begun must not outlive it
			err = errors.Join(err, e.Close())
		}
	}()
	if err := e.measure(); err != nil {
		return nil, err
	}
	if err := e.startShadowing(); err != nil {
		return nil, err
	}
	var cancel context.CancelFunc
	e.background, cancel = context.WithCancel(context.Background())
	unsubscribe := e.ledger.Subscribe(func(*rollout.Snapshot) { e.publish() })
	e.finish = append(e.finish, unsubscribe, cancel)
	e.events = events{log: e.log, queue: make(chan rollout.Event, waitingEvents)}
	if err := e.startController(); err != nil {
		return nil, err
	}
	e.fetchVisitors()
	e.done.Go(e.keepTrying)
	return e, nil
}

// Close ends watching and closes the targets: idle connections at once, those
// under way when their requests end. Requests after it are still served, by new
// connections.
func (e *Engine) Close() error {
	e.follow(nil)
	for _, end := range e.finish {
		end()
	}
	e.done.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.plan != nil {
		e.plan.close()
	}
	if e.options.Telemetry == nil && e.telemetry != nil {
		if err := e.telemetry.Close(context.Background()); err != nil {
			return fmt.Errorf("telemetry: %w", err)
		}
	}
	return nil
}

// measure connects the gauges.
func (e *Engine) measure() error {
	if e.telemetry == nil {
		own, err := telemetry.New(telemetry.Options{})
		if err != nil {
			return err
		}
		e.telemetry = own
	}
	stop, err := e.telemetry.Observe(e.gauges)
	if err != nil {
		return err
	}
	e.finish = append(e.finish, stop)
	return nil
}

// Telemetry is where the engine records; its collector belongs in each
// configuration's registry.
func (e *Engine) Telemetry() *telemetry.Telemetry { return e.telemetry }

// Table is the running table, nil before the first one.
func (e *Engine) Table() *routes.Table {
	if v := e.view.Load(); v != nil {
		return v.table
	}
	return nil
}
