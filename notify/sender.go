package notify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// Journal is where changes are read; *rollout.Ledger is one.
type Journal interface {
	// History reads a page of the stored journal.
	History(ctx context.Context, q rollout.Query) ([]rollout.Change, error)
	// Subscribe calls fn whenever something may have been stored.
	Subscribe(fn func(*rollout.Snapshot)) (cancel func())
}

// Cursors keep how far each webhook has come.
type Cursors interface {
	// Cursor is the place in the journal that was stored under the name; found
	// is false when there is none.
	Cursor(ctx context.Context, name string) (seq uint64, found bool, err error)
	// SetCursor stores it durably.
	SetCursor(ctx context.Context, name string, seq uint64) error
}

// Options for New.
type Options struct {
	// Journal and Cursors must be of one store. Required.
	Journal Journal
	Cursors Cursors
	// Now is the clock. Required.
	Now func() time.Time
	// Logger gets what could not be delivered. Default: none.
	Logger *slog.Logger

	pace pace // zero: normally
}

// Sender sends events to webhooks. Its methods may be called concurrently.
type Sender struct {
	options     Options
	unsubscribe func()

	mu      sync.Mutex
	uses    []*use
	workers []*worker
	closed  bool

	changing sync.Mutex // one change of the workers at a time
}

// use is one configuration's webhooks.
type use struct{ webhooks []Webhook }

// New makes a sender that has no webhooks; Use gives it some, Close ends it.
func New(o Options) (*Sender, error) {
	if o.Journal == nil || o.Cursors == nil || o.Now == nil {
		return nil, errors.New("notify: a journal, cursors and a clock are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.pace == (pace{}) {
		o.pace = normal
	}
	s := &Sender{options: o}
	s.unsubscribe = o.Journal.Subscribe(func(*rollout.Snapshot) { s.wake() })
	return s, nil
}

// Use puts webhooks, as Check answered them, in the place of all others until
// end; then those used before are again. One that both have goes on untouched.
// When Use returns, changes made from then on are told to each webhook that is
// new, unless the store does not answer within 2s.
func (s *Sender) Use(webhooks []Webhook) (end func()) {
	u := &use{webhooks}
	s.mu.Lock()
	s.uses = append(s.uses, u)
	s.mu.Unlock()
	s.settle()
	return func() {
		s.mu.Lock()
		s.uses = slices.DeleteFunc(s.uses, func(other *use) bool { return other == u })
		s.mu.Unlock()
		s.settle()
	}
}

// Close ends all webhooks. What they have not sent is sent after the next
// start.
func (s *Sender) Close() {
	s.unsubscribe()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.settle()
}

// settle ends the workers that are not wanted any more and starts those that
// are missing.
func (s *Sender) settle() {
	s.changing.Lock()
	defer s.changing.Unlock()
	wanted, running := s.wanted()
	var kept, begun []*worker
	for _, w := range running {
		if slices.ContainsFunc(wanted, w.webhook.equal) {
			kept = append(kept, w)
		} else {
			w.end()
		}
	}
	for _, webhook := range wanted {
		if !slices.ContainsFunc(kept, func(w *worker) bool { return w.webhook.equal(webhook) }) {
			begun = append(begun, begin(s.options, webhook))
		}
	}
	s.mu.Lock()
	s.workers = append(kept, begun...)
	s.mu.Unlock()
	for _, w := range begun {
		w.ready()
	}
}

func (s *Sender) wanted() ([]Webhook, []*worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.uses) == 0 {
		return nil, s.workers
	}
	return s.uses[len(s.uses)-1].webhooks, s.workers
}

// wake has every worker look for new changes.
func (s *Sender) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workers {
		select {
		case w.woken <- struct{}{}:
		default:
		}
	}
}

// Status is how a webhook is.
type Status struct {
	Name string `json:"name"`
	Host string `json:"host"`
	// Cursor is the place in the journal up to which it has been told.
	Cursor uint64 `json:"cursor"`
	// Behind is how many records of the journal it has not been told of or passed
	// over, when that was last looked at.
	Behind uint64 `json:"behind"`
	// Waiting is when the change was made that is being sent or tried; zero when
	// there is none.
	Waiting time.Time `json:"waiting_since,omitzero"`
	// Delivered, Failed and Skipped count since the start: events delivered,
	// attempts of an event that failed, retries included in one, and events given up.
	Delivered uint64 `json:"delivered"`
	Failed    uint64 `json:"failed"`
	Skipped   uint64 `json:"skipped"`
	// Error is why the last attempt failed, at ErrorAt; empty after one that did not.
	Error   string    `json:"error,omitempty"`
	ErrorAt time.Time `json:"error_at,omitzero"`
}

// Status is how the webhooks in use are.
func (s *Sender) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, 0, len(s.workers))
	for _, w := range s.workers {
		all = append(all, *w.status.Load())
	}
	return all
}
