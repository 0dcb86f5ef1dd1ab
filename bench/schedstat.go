package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// parseSchedstat reads /proc/PID/task/TID/schedstat: three numbers, of which
// the first is the time the thread spent on a CPU, in nanoseconds (Linux,
// Documentation/scheduler/sched-stats.rst).
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat %q: %d numbers, not 3", text, len(fields))
	}
	ns, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("schedstat %q: no time on CPU", text)
	}
	return time.Duration(ns), nil
}

// cpuTime is what the threads of a process have used so far. A thread that
// ends takes its time with it: proxies keep theirs, and a falling sum is an
// error of the slice.
func cpuTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	read := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread ended since
		}
		one, err := parseSchedstat(text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += one
		read++
	}
	if read == 0 {
		return 0, fmt.Errorf("process %d: no thread has a schedstat (is CONFIG_SCHED_INFO on, is it alive?)", pid)
	}
	return sum, nil
}
