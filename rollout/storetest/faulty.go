package storetest

import (
	"context"
	"sync/atomic"

	"github.com/strangler-proxy/strangler/rollout"
)

// Fault stands between a caller and a store: do is the call itself, to be made
// or not, and what the fault answers is what the caller gets.
type Fault func(ctx context.Context, do func() error) error

// Broken answers err and never reaches the store.
func Broken(err error) Fault {
	return func(context.Context, func() error) error { return err }
}

// Lost reaches the store, then answers err: the caller cannot know.
func Lost(err error) Fault {
	return func(_ context.Context, do func() error) error {
		_ = do()
		return err
	}
}

// Hung waits until the call's context ends.
func Hung() Fault {
	return func(ctx context.Context, _ func() error) error {
		<-ctx.Done()
		return ctx.Err()
	}
}

// Deaf waits until released, whatever the context says, and then makes the
// call: a disk that hangs in a flush.
func Deaf(released <-chan struct{}) Fault {
	return func(_ context.Context, do func() error) error {
		<-released
		return do()
	}
}

// Faulty is a store whose calls meet a fault.
type Faulty struct {
	rollout.Store
	fault atomic.Pointer[Fault]
	calls atomic.Int64
}

// Set has every call from now on meet the fault; nil heals the store.
func (f *Faulty) Set(fault Fault) {
	if fault == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&fault)
}

// Calls is how many calls there were.
func (f *Faulty) Calls() int64 { return f.calls.Load() }

// Load implements rollout.Store.
func (f *Faulty) Load(ctx context.Context) (rollout.Saved, error) {
	return through(ctx, f, func() (rollout.Saved, error) { return f.Store.Load(ctx) })
}

// Apply implements rollout.Store. A fault that lets a call through late lets it
// through whatever its context says by then.
func (f *Faulty) Apply(ctx context.Context, c rollout.Change) (rollout.Change, error) {
	reaching := ctx
	if f.fault.Load() != nil {
		reaching = context.WithoutCancel(ctx)
	}
	return through(ctx, f, func() (rollout.Change, error) { return f.Store.Apply(reaching, c) })
}

// History implements rollout.Store.
func (f *Faulty) History(ctx context.Context, q rollout.Query) ([]rollout.Change, error) {
	return through(ctx, f, func() ([]rollout.Change, error) { return f.Store.History(ctx, q) })
}

// Salts implements rollout.Store.
func (f *Faulty) Salts(ctx context.Context, cohorts []string, fresh func() string) (map[string]string, error) {
	return through(ctx, f, func() (map[string]string, error) { return f.Store.Salts(ctx, cohorts, fresh) })
}

func through[T any](ctx context.Context, f *Faulty, call func() (T, error)) (answer T, err error) {
	f.calls.Add(1)
	fault := f.fault.Load()
	if fault == nil {
		return call()
	}
	err = (*fault)(ctx, func() (err error) {
		answer, err = call()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return answer, nil
}
