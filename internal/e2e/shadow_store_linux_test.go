package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// coverage is what the report counts of a route; its buckets add up.
func coverage(t *testing.T, proxy *testbed.Strangler, route string) (sampled, compared uint64) {
	t.Helper()
	var all report.Report
	if err := json.Unmarshal([]byte(proxy.MustCommand(t, "shadow", "report", "--route", route, "--json")), &all); err != nil {
		t.Fatal(err)
	}
	sum := uint64(0)
	for _, bucket := range all.Routes[0].Coverage.Buckets {
		sum += bucket.Count
	}
	if sampled = all.Routes[0].Coverage.Sampled; sum != sampled {
		t.Errorf("%s: the buckets add up to %d of %d", route, sum, sampled)
	}
	return sampled, all.Routes[0].Verdict.Compared
}

func kept(t *testing.T, proxy *testbed.Strangler, after time.Time) {
	t.Helper()
	testbed.WaitFor(t, "the evidence to be written", func() bool { return proxy.Shadow(t).Book.LastFlush.After(after) })
}

// What was sampled adds up after a crash, too: what was written is there to the
// last request, what was not is gone whole.
func TestTheBucketsAddUpAfterACrash(t *testing.T) {
	t.Parallel()
	right := pageServer(t)
	proxy := isolated(t, map[string]string{"right": right, "down": "http://127.0.0.1:1"})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	total := uint64(0)
	for round := range 3 {
		for range 50 {
			seenBy(t, client, proxy.URL("/right/1"))
			seenBy(t, client, proxy.URL("/down/1"))
		}
		shadowed(t, proxy, "right", 50)
		shadowed(t, proxy, "down", 50)
		if total += 50; round < 2 {
			kept(t, proxy, time.Now())
		}
		proxy.Kill()
		client.CloseIdleConnections()
		proxy.Start()
		for _, route := range []string{"right", "down"} {
			sampled, compared := coverage(t, proxy, route)
			t.Logf("round %d, %s: %d of %d sampled are kept, %d compared", round, route, sampled, total, compared)
			if sampled > total || round < 2 && sampled != total || route == "right" && compared != sampled {
				t.Errorf("round %d, %s: %d of %d sampled are kept, %d compared", round, route, sampled, total, compared)
			}
		}
	}
}

// mounted is a small file system of its own.
func mounted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a file system of its own needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk under the evidence is nothing that a client could see or feel; when
// there is room again, what was counted meanwhile is written.
func TestNoClientFeelsAFullDisk(t *testing.T) {
	dir := mounted(t)
	proxy := isolated(t, map[string]string{"right": pageServer(t)}, "store sqlite "+filepath.Join(dir, "strangler.db"))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	pairs(t, proxy, client, "right", 100)
	kept(t, proxy, time.Now())
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	pairs(t, proxy, client, "right", 100)
	testbed.WaitFor(t, "a failed write", func() bool { return proxy.Shadow(t).Book.Failures > 0 })
	t.Logf("a full disk: %s", proxy.Shadow(t).Book.LastError)
	pairs(t, proxy, client, "right", 100)
	if sampled, compared := coverage(t, proxy, "right"); sampled != 300 || compared != 300 {
		t.Errorf("%d sampled, %d compared with a full disk, want 300", sampled, compared)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	testbed.WaitFor(t, "what was counted to be written", func() bool { return proxy.Shadow(t).Book.LastError == "" })
	kept(t, proxy, time.Now().Add(-5*time.Second))
	proxy.Kill()
	client.CloseIdleConnections()
	proxy.Start()
	if sampled, compared := coverage(t, proxy, "right"); sampled != 300 || compared != 300 {
		t.Errorf("%d sampled, %d compared after the disk was full, want 300", sampled, compared)
	}
}

// fill writes until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for piece := make([]byte, 4096); err == nil; {
		_, err = file.Write(piece)
	}
	if !strings.Contains(err.Error(), "no space") {
		t.Fatal(err)
	}
}

// Evidence that cannot be written at all is kept in memory, and the status says so.
func TestNoClientFeelsEvidenceThatIsReadOnly(t *testing.T) {
	dir := mounted(t)
	evidence := filepath.Join(dir, "strangler.shadow.db")
	if err := os.WriteFile(evidence, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(evidence, evidence, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(evidence, syscall.MNT_DETACH) }) // gone with the one below, else
	if err := syscall.Mount("", evidence, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	proxy := isolated(t, map[string]string{"right": pageServer(t)}, "store sqlite "+filepath.Join(dir, "strangler.db"))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	pairs(t, proxy, client, "right", 100)
	shadowed(t, proxy, "right", 100)
	if sampled, compared := coverage(t, proxy, "right"); sampled != 100 || compared != 100 {
		t.Errorf("%d sampled, %d compared", sampled, compared)
	}
	status := proxy.Shadow(t).Book
	t.Logf("%+v", status)
	if status.Notice == "" && status.LastError == "" {
		t.Errorf("nobody is told: %+v", status)
	}
}
