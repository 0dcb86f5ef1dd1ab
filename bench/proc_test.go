package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseSchedstat(t *testing.T) {
	t.Parallel()
	got, err := parseSchedstat([]byte("788694 21 1\n"))
	if err != nil || got != 788694*time.Nanosecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "\n", "12", "12 3", "1 2 3 4", "x 2 3", "-5 2 3", "99999999999999999999 1 1"} {
		if got, err := parseSchedstat([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestCPUTimeGrowsWithWork(t *testing.T) {
	t.Parallel()
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	spent := before
	for begun := time.Now(); spent <= before; {
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("no CPU time after 10 s of work: %v", spent)
		}
		if spent, err = cpuTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cpuTime(1 << 30); err == nil {
		t.Error("a process that is not there has CPU time")
	}
}

func TestParseSmapsRollup(t *testing.T) {
	t.Parallel()
	const text = "5627176df000-7ffccce46000 ---p 00000000 00:00 0                          [rollup]\n" +
		"Rss:                1636 kB\nPss:                 373 kB\nPss_Dirty:           116 kB\n"
	got, err := parseSmapsRollup([]byte(text))
	if want := (memory{RSS: 1636 << 10, PSS: 373 << 10}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "Rss: 12 kB\n", "Rss: x kB\nPss: 1 kB\n"} {
		if got, err := parseSmapsRollup([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
	if got, err := parsePeak([]byte("VmPeak:\t  2000 kB\nVmHWM:\t    1640 kB\nVmRSS:\t 1636 kB\n")); err != nil || got != 1640<<10 {
		t.Errorf("peak %d, %v", got, err)
	}
	for _, text := range []string{"", "VmRSS:\t 1 kB\n", "VmHWM:\t x kB\n", "VmHWM:\t 1 MB\n"} {
		if got, err := parsePeak([]byte(text)); err == nil {
			t.Errorf("%q was read as a peak of %d", text, got)
		}
	}
	if got, err := memoryOf(os.Getpid()); err != nil || got.RSS < got.PSS || got.Peak < got.PSS {
		t.Errorf("this process: %+v, %v", got, err)
	}
}

func TestAllocationsAreReadFromExpvar(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debug/vars" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, `{"cmdline": [], "memstats": {"Alloc": 1, "TotalAlloc": 4096, "Mallocs": 17}}`)
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	address := strings.TrimPrefix(server.URL, "http://")
	got, err := allocationsOf(context.Background(), address)
	if want := (allocations{Mallocs: 17, Bytes: 4096}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	status = http.StatusForbidden
	if got, err := allocationsOf(context.Background(), address); err == nil {
		t.Errorf("status 403 was read as %+v", got)
	}
}

func TestParseCPUInfo(t *testing.T) {
	t.Parallel()
	const text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu hypervisor\n\nprocessor\t: 1\nmodel name\t: other\n"
	if model, virtual := parseCPUInfo([]byte(text)); model != "Some CPU @ 2 GHz" || !virtual {
		t.Errorf("got %q, %v", model, virtual)
	}
	if model, virtual := parseCPUInfo(nil); model != "unknown" || virtual {
		t.Errorf("got %q, %v from nothing", model, virtual)
	}
}
