package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
)

// evidenceEnv tells this test's binary to be a child that keeps evidence.
const evidenceEnv = "STRANGLER_TEST_EVIDENCE"

// evidenceChild is the life of a child: it records until it is killed, and says
// how much was stored.
func evidenceChild() {
	path := os.Getenv(evidenceEnv)
	if path == "" {
		return
	}
	if err := recordForever(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func recordForever(path string) error {
	e, err := OpenEvidence(path, time.Now())
	if err != nil {
		return err
	}
	if e.Notice() != "" {
		return errors.New(e.Notice())
	}
	ctx := context.Background()
	b, err := book.Open(ctx, book.Options{Store: e, Now: time.Now})
	if err != nil {
		return err
	}
	if s := b.Status(); s.Notice != "" {
		return errors.New(s.Notice)
	}
	go func() {
		for i := 0; ; i++ {
			r := different(fmt.Sprintf("f%c%c", 'a'+i%20, 'a'+rand.N(20)), i)
			r.Bucket = shadow.Bucket(rand.N(shadow.Buckets))
			r.Service.Build = fmt.Sprint("build ", i/400%3)
			b.Record(r)
		}
	}()
	for {
		compared, _ := b.Counts("faq-read") // at least so many are in what comes
		if err := b.Flush(ctx); err != nil {
			return err
		}
		if compared == 0 {
			continue
		}
		if _, err := fmt.Println(compared); err != nil { //nolint:forbidigo // how the child talks to its parent
			return err
		}
	}
}

// TestKilledBookAddsUp kills books while they write: what was acknowledged is
// there, and the buckets of every era add up to what it sampled.
func TestKilledBookAddsUp(t *testing.T) {
	t.Parallel()
	path := evidencePath(t)
	var acknowledged uint64
	flushes := 0
	for range crashes() / 4 {
		told, n := killBook(t, path)
		acknowledged, flushes = max(acknowledged, told), flushes+n
		e, err := OpenEvidence(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if e.Notice() != "" {
			t.Fatal(e.Notice())
		}
		sums(t, e, acknowledged)
		has, err := e.Load(t.Context())
		if err != nil || has.Routes[0].Compared < acknowledged {
			t.Fatalf("%d compared were acknowledged: %+v %v", acknowledged, has.Routes, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged < 1000 || flushes < crashes()/4 {
		t.Errorf("%d comparisons in %d flushes: nothing was tested", acknowledged, flushes)
	}
	t.Logf("%d kills, %d flushes, %d comparisons", crashes()/4, flushes, acknowledged)
}

func killBook(t *testing.T, path string) (acknowledged uint64, flushes int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), evidenceEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	patience := rand.N(6) + 1
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
			t.Errorf("the child says %q", lines.Text())
		}
		if flushes++; flushes == patience {
			time.AfterFunc(rand.N(20*time.Millisecond), func() { _ = child.Process.Kill() })
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Errorf("the child was not killed: %v", err)
	}
	return acknowledged, flushes
}
