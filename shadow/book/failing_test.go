package book_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
)

func stored(t *testing.T, s book.Store) int {
	t.Helper()
	has, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(has.Samples)
}

// failing is a store that fails while it is told to.
type failing struct {
	*book.Memory

	broken bool
	half   bool // it writes, and says it did not
}

var errDisk = errors.New("the disk is full")

func (f *failing) Write(ctx context.Context, b *book.Batch) error {
	if f.half {
		_ = f.Memory.Write(ctx, b)
	}
	if f.broken {
		return errDisk
	}
	return f.Memory.Write(ctx, b)
}

func TestAFailedFlushLosesNothing(t *testing.T) {
	t.Parallel()
	for _, half := range []bool{false, true} {
		store := &failing{Memory: book.NewMemory(), broken: true, half: half}
		b, c := open(t, book.Options{Store: store})
		for range 3 {
			many(t, b, c, 10, `{"a":2}`, nil)
			many(t, b, c, 5, `{"a":2}`, func(r *shadow.Record) { r.Bucket = shadow.DroppedQueueFull })
			if err := b.Flush(t.Context()); !errors.Is(err, errDisk) {
				t.Fatal(err)
			}
		}
		if s := b.Status(); s.Failures != 3 || s.LastError != errDisk.Error() {
			t.Errorf("%+v", s)
		}
		r, err := b.Report(t.Context())
		if err != nil || len(r.Notices) != 1 || !strings.Contains(r.Notices[0], "disk is full") {
			t.Errorf("%v %v", r, err)
		}
		store.broken, store.half = false, false
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := look(t, b, "faq-read")
		next, _ := open(t, book.Options{Store: store})
		after := look(t, next, "faq-read")
		if !cmp.Equal(before, after) || after.Coverage.Sampled != 45 || after.Signatures[0].Samples != 20 || after.Signatures[0].Sample == nil {
			t.Error(cmp.Diff(before, after))
		}
		if compared, mismatched := next.Counts("faq-read"); compared != 30 || mismatched != 30 {
			t.Error(compared, mismatched)
		}
		if s := b.Status(); s.Failures != 0 || s.LastError != "" {
			t.Errorf("%+v", s)
		}
	}
}

// unreadable is a store that cannot be loaded.
type unreadable struct{ *book.Memory }

func (unreadable) Load(context.Context) (*book.Contents, error) { return nil, errDisk }

func TestAStoreThatCannotBeReadStopsNothing(t *testing.T) {
	t.Parallel()
	store := unreadable{book.NewMemory()}
	b, c := open(t, book.Options{Store: store})
	many(t, b, c, 10, `{"a":2}`, nil)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := b.Report(t.Context(), "faq-read")
	if err != nil || len(r.Notices) != 1 || r.Routes[0].Coverage.Sampled != 10 {
		t.Errorf("%+v %v", r, err)
	}
	if has, _ := store.Memory.Load(t.Context()); len(has.Routes) != 0 {
		t.Error("something was written to a store that could not be read")
	}
}
