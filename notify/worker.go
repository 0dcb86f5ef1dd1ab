package notify

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// Patience is how old an event may become that cannot be delivered: then it is
// skipped.
const Patience = 24 * time.Hour

// pace is how long things take.
type pace struct {
	attempt  time.Duration // one request, answer included
	attempts int           // further ones in a round
	waitMin  time.Duration // between them
	waitMax  time.Duration
	first    time.Duration // pause after a round that failed, doubling …
	longest  time.Duration // … up to this
	idle     time.Duration // the journal is looked at, even if nobody woke us
	store    time.Duration // one question to the store
	patience time.Duration
}

var normal = pace{
	attempt: 10 * time.Second, attempts: 3, waitMin: 500 * time.Millisecond, waitMax: 5 * time.Second,
	first: 15 * time.Second, longest: 10 * time.Minute,
	idle: time.Minute, store: 2 * time.Second, patience: Patience,
}

// pageSize is how many changes are read at once.
const pageSize = 100

// worker sends to one webhook, one event after the other.
type worker struct {
	options Options
	webhook Webhook
	post    *poster
	log     *slog.Logger
	status  atomic.Pointer[Status] // only its goroutine changes it
	woken   chan struct{}
	known   chan struct{} // closed when the cursor is known, or could not be read
	cancel  context.CancelFunc
	done    chan struct{}
}

func begin(o Options, webhook Webhook) *worker {
	w := &worker{
		options: o, webhook: webhook, post: newPoster(webhook, o), log: o.Logger.With("webhook", webhook.Name),
		woken: make(chan struct{}, 1), known: make(chan struct{}), done: make(chan struct{}),
	}
	w.status.Store(&Status{Name: webhook.Name, Host: webhook.host()})
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	go w.run(ctx)
	return w
}

func (w *worker) end() {
	w.cancel()
	<-w.done
}

// ready waits until the cursor is known, or the store did not answer.
func (w *worker) ready() { <-w.known }

// note changes the status.
func (w *worker) note(change func(*Status)) {
	s := *w.status.Load()
	change(&s)
	w.status.Store(&s)
}

func (w *worker) run(ctx context.Context) {
	defer close(w.done)
	defer w.post.close()
	w.start(ctx)
	pause := w.options.pace.first
	for ctx.Err() == nil {
		done, err := w.work(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case done:
			pause = w.options.pace.first
			w.sleep(ctx, w.options.pace.idle, w.woken)
		case err != nil:
			w.note(func(s *Status) { s.Error, s.ErrorAt = err.Error(), w.options.Now().UTC() })
			w.log.WarnContext(ctx, "a webhook's event was not delivered; it is tried again", "error", err, "in", pause)
			w.sleep(ctx, pause, nil)
			pause = min(2*pause, w.options.pace.longest)
		default:
			pause = w.options.pace.first
		}
	}
}

func (w *worker) sleep(ctx context.Context, d time.Duration, woken <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
	}
}

// start finds the place in the journal, again and again until the store
// answers.
func (w *worker) start(ctx context.Context) {
	said := false
	for {
		err := w.locate(ctx)
		if !said {
			close(w.known)
			said = true
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		w.log.WarnContext(ctx, "a webhook's place in the journal is not known yet", "error", err)
		w.sleep(ctx, w.options.pace.store, nil)
	}
}

// locate reads the cursor; a new webhook begins at the journal's end.
func (w *worker) locate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.options.pace.store)
	defer cancel()
	seq, found, err := w.options.Cursors.Cursor(ctx, w.webhook.Name)
	if err == nil && !found {
		if seq, err = w.newest(ctx); err == nil {
			err = w.options.Cursors.SetCursor(ctx, w.webhook.Name, seq)
		}
	}
	if err == nil {
		w.note(func(s *Status) { s.Cursor = seq })
	}
	return err
}

// newest is the last place in the journal.
func (w *worker) newest(ctx context.Context) (uint64, error) {
	found, err := w.options.Journal.History(ctx, rollout.Query{Limit: 1})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].Seq, nil
}

// work tells of the changes on the next page; done is true when there is none.
func (w *worker) work(ctx context.Context) (done bool, err error) {
	page, err := w.read(ctx)
	if err != nil || len(page) == 0 {
		return err == nil, err
	}
	for _, c := range page {
		told := w.webhook.Only.Selects(c)
		if told {
			if err := w.tell(ctx, c); err != nil {
				return false, err
			}
		}
		if err := w.pass(ctx, c.Seq, told || c.Seq == page[len(page)-1].Seq); err != nil {
			return false, err
		}
	}
	return false, nil
}

// read answers what comes after the cursor, and notes how much.
func (w *worker) read(ctx context.Context) ([]rollout.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, w.options.pace.store)
	defer cancel()
	cursor := w.status.Load().Cursor
	page, err := w.options.Journal.History(ctx, rollout.Query{After: cursor, OldestFirst: true, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	newest, err := w.newest(ctx) // after the page, or the page could be newer
	if err != nil {
		return nil, err
	}
	w.note(func(s *Status) { s.Behind = newest - min(newest, cursor) })
	return page, nil
}

// tell delivers an event, or gives it up when it is too old.
func (w *worker) tell(ctx context.Context, c rollout.Change) error {
	w.note(func(s *Status) { s.Waiting = c.At })
	err := w.post.deliver(ctx, c)
	switch {
	case err == nil:
		w.note(func(s *Status) { s.Delivered, s.Error, s.ErrorAt = s.Delivered+1, "", time.Time{} })
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	w.note(func(s *Status) { s.Failed++ })
	if age := w.options.Now().Sub(c.At); age > w.options.pace.patience {
		w.note(func(s *Status) { s.Skipped, s.Error, s.ErrorAt = s.Skipped+1, err.Error(), w.options.Now().UTC() })
		w.log.ErrorContext(ctx, "a webhook's event is given up: it could not be delivered in all that time",
			"id", c.ID, "event", summary(c), "age", age, "error", err)
		return nil
	}
	return err
}

// pass goes on to the next change. It is stored even when the worker is being
// ended: what was delivered need not be sent again.
func (w *worker) pass(ctx context.Context, seq uint64, store bool) error {
	if store {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.options.pace.store)
		defer cancel()
		if err := w.options.Cursors.SetCursor(ctx, w.webhook.Name, seq); err != nil {
			return err
		}
	}
	w.note(func(s *Status) {
		s.Behind -= min(s.Behind, seq-s.Cursor)
		s.Cursor, s.Waiting = seq, time.Time{}
	})
	return nil
}
