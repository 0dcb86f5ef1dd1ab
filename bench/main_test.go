package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the program's other processes too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"pin", "origin", "load"}, os.Args[1]) {
		os.Exit(dispatch(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// buildStrangler makes the binary to measure.
func buildStrangler(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "strangler")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/strangler")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return binary
}

// The whole run, with slices too short to mean anything: every workload, every
// proxy that is here, every answer correct, nothing left behind.
func TestSmallRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	temp, out := t.TempDir(), t.TempDir()
	binary := buildStrangler(t)
	t.Setenv("TMPDIR", temp)
	var stdout, stderr bytes.Buffer
	code := bench([]string{
		"-binary", binary, "-out", out, "-routes", "1,100",
		"-slices", "2", "-slice", "50ms", "-warmup", "20ms", "-proxy-cpus", "0", "-load-cpus", "0",
	}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	text, err := os.ReadFile(filepath.Join(out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Workloads) != len(workloads()) || len(r.Lines) != 3*len(workloads()) {
		t.Errorf("%d workloads, %d lines\n%s", len(r.Workloads), len(r.Lines), &stdout)
	}
	for _, w := range r.Workloads {
		for _, s := range w.Subjects {
			if s.Ratio.CPU <= 0 || s.Ratio.Throughput <= 0 || s.Ratio.P99 <= 0 || s.Ratio.PSS <= 0 {
				t.Errorf("%s, %s: not all is measured: %+v", w.Name, s.Name, s.Ratio)
			}
		}
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left behind", entry.Name())
	}
	checkNobodyRuns(t, temp)
}

// checkNobodyRuns holds that no process has a path under dir in its command.
func checkNobodyRuns(t *testing.T, dir string) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(commands) == 0 {
		t.Fatalf("no process is seen: %v", err)
	}
	for _, file := range commands {
		command, err := os.ReadFile(file)
		if err == nil && bytes.Contains(command, []byte(dir)) {
			t.Errorf("still running: %q", command)
		}
	}
}
