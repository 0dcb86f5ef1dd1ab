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
	// Two sizes and the ratio of them in all but one workload; four lines about
	// routes decided otherwise in three; three of sessions in two; seven of shadows; memory of four
	// tables.
	if len(r.Workloads) != len(workloads()) || len(r.Lines) != 3*(len(workloads())-4)+1+3*4+2*3+7+2*4 {
		t.Errorf("%d workloads, %d lines\n%s", len(r.Workloads), len(r.Lines), &stdout)
	}
	for _, w := range r.Workloads {
		checkDecided(t, w)
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

// checkDecided holds that rollouts and flags have decided what they were to
// decide.
func checkDecided(t *testing.T, w *workloadResult) {
	t.Helper()
	found := 0
	for _, s := range w.Subjects {
		if w.percent(s) == nil {
			continue
		}
		found++
		if s.ToPercent == nil || s.ToPercent.CPU <= 0 || s.ToPercent.Mallocs <= 0 {
			t.Errorf("%s, %s: no ratios to a fixed percentage", w.Name, s.Name)
		}
		switch s.Decided {
		case byRollout:
			if s.Evidence < s.Answers {
				t.Errorf("%s, %s: %d answers, the guards know of %d", w.Name, s.Name, s.Answers, s.Evidence)
			}
		case byFlag:
			c := s.FlagCache
			if c == nil || c.Hits+c.Misses < uint64(s.Answers) || (c.Hits == 0) != w.Fresh {
				t.Errorf("%s, %s: %d answers, the flag cache: %+v", w.Name, s.Name, s.Answers, c)
			}
		case byShadow, byHung:
			if (s.Compared == 0) != (s.Decided == byHung) {
				t.Errorf("%s, %s: %d answers, %v compared", w.Name, s.Name, s.Answers, s.Compared)
			}
		case byIdentity:
			if c := s.Sessions; c == nil || c.Looked+c.Hits < uint64(s.Answers) || (c.Hits == 0) != w.Fresh {
				t.Errorf("%s, %s: %d answers, sessions: %+v", w.Name, s.Name, s.Answers, c)
			}
		}
	}
	want := 0
	if one := workloadNamed(w.Name); one.decided || one.shadow {
		want = 2
	} else if workloadNamed(w.Name).session {
		want = 1
	}
	if found != want {
		t.Errorf("%s: %d subjects that a rollout or a flag decides, want %d", w.Name, found, want)
	}
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
