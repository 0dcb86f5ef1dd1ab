package flags

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func start(tb testing.TB, o Options) *Evaluator {
	tb.Helper()
	e, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func flagFile(tb testing.TB, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "flags.json")
	write(tb, path, text)
	return path
}

// within fails the test unless is becomes true in time.
func within(tb testing.TB, longest time.Duration, what string, is func() bool) {
	tb.Helper()
	end := time.After(longest)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatalf("not within %s: %s", longest, what)
		}
	}
}

func decide(tb testing.TB, e *Evaluator, flag, key string, attributes ...Attribute) Answer {
	tb.Helper()
	return e.Decide(context.Background(), &Query{Flag: flag, Key: key, Attributes: attributes})
}

const onOff = `{"flags": {"tickets": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}}`
