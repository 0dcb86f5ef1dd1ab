package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

// offline explains from files, by an engine of its own: the code that would
// serve the request.
func (f *explainFlags) offline(ctx context.Context, asked admin.ExplainRequest) (x engine.Explanation, from string, err error) {
	if _, err := loadTable(f.file); err != nil {
		return x, "", err
	}
	kept, from := &readOnly{}, f.file
	if f.store != "" {
		if _, err := os.Stat(f.store); err != nil {
			return x, "", fmt.Errorf("store: %w", err)
		}
		db, err := sqlite.Read(f.store) //nolint:contextcheck // it is bounded by itself
		if err != nil {
			return x, "", err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		kept.db, from = db, from+" and "+f.store
	}
	x, err = kept.explain(ctx, f.file, asked)
	return x, from, err
}

// readOnly is a store that is only read. Without a database it knows nothing.
type readOnly struct{ db *sqlite.Store }

var (
	errNoStore  = errors.New("no store was given; its file is named by --store")
	errReadOnly = errors.New("the store is only read here")
)

// explain runs an engine for the time of one question.
func (s *readOnly) explain(ctx context.Context, file string, asked admin.ExplainRequest) (x engine.Explanation, err error) {
	ledger, err := rollout.Open(ctx, rollout.Options{Store: s, Now: time.Now})
	if err != nil {
		return x, err
	}
	defer func() {
		if closed := ledger.Close(ctx); err == nil {
			err = closed
		}
	}()
	run, err := engine.New(engine.Options{Ledger: ledger, Secrets: s}) //nolint:contextcheck // Close ends it
	if err != nil {
		return x, err
	}
	defer func() { //nolint:contextcheck // closing is short
		if closed := run.Close(); err == nil {
			err = closed
		}
	}()
	if err := run.Watch(file); err != nil { //nolint:contextcheck // bounded by the engine
		return x, err
	}
	s.settle(ctx, run)
	request, client, err := asked.Request()
	if err != nil {
		return x, err
	}
	return run.Explain(request, client) //nolint:contextcheck // the request is the question
}

// settle waits until the engine has read what the store has.
func (s *readOnly) settle(ctx context.Context, run *engine.Engine) {
	if s.db == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if now := run.Status().Store; now.Known && now.Visitors {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Load implements rollout.Store.
func (s *readOnly) Load(ctx context.Context) (rollout.Saved, error) {
	if s.db == nil {
		return rollout.Saved{}, errNoStore
	}
	return s.db.Load(ctx)
}

// Apply implements rollout.Store.
func (*readOnly) Apply(context.Context, rollout.Change) (rollout.Change, error) {
	return rollout.Change{}, errReadOnly
}

// History implements rollout.Store.
func (*readOnly) History(context.Context, rollout.Query) ([]rollout.Change, error) {
	return nil, errReadOnly
}

// Salts implements rollout.Store; salts that would have to be made are missing.
func (s *readOnly) Salts(ctx context.Context, cohorts []string, _ func() string) (map[string]string, error) {
	if s.db == nil {
		return nil, errNoStore
	}
	if all, err := s.stored(ctx, cohorts); err == nil {
		return all, nil
	}
	known := make(map[string]string, len(cohorts))
	for _, cohort := range cohorts {
		if one, err := s.stored(ctx, []string{cohort}); err == nil {
			known[cohort] = one[cohort]
		}
	}
	return known, nil
}

// stored reads salts; when one of them would have to be made, it ends the
// transaction instead.
func (s *readOnly) stored(ctx context.Context, cohorts []string) (map[string]string, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	return s.db.Salts(ctx, cohorts, func() string {
		end()
		return ""
	})
}

// Secret implements engine.Secrets. One that would have to be made is an
// error: the store refuses an empty one.
func (s *readOnly) Secret(ctx context.Context, name string, _ func() []byte) ([]byte, error) {
	if s.db == nil {
		return nil, errNoStore
	}
	return s.db.Secret(ctx, name, func() []byte { return nil })
}
