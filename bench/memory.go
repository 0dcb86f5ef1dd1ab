package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
)

// memory is what a process keeps, in bytes.
type memory struct {
	// RSS counts every resident page, PSS a page shared with others only by
	// this process's part of it: several proxies of one binary share its code.
	RSS int64 `json:"rss"`
	PSS int64 `json:"pss"`
	// Peak is the most RSS there ever was, its start included.
	Peak int64 `json:"peak_rss"`
}

// parseSmapsRollup reads /proc/PID/smaps_rollup (proc_pid_smaps(5)).
func parseSmapsRollup(text []byte) (memory, error) {
	var m memory
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) != 3 || string(fields[2]) != "kB" {
			continue
		}
		kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return m, fmt.Errorf("smaps_rollup %q: %w", lines.Bytes(), err)
		}
		switch string(fields[0]) {
		case "Rss:":
			m.RSS = kib << 10
		case "Pss:":
			m.PSS = kib << 10
		}
	}
	if m.RSS == 0 || m.PSS == 0 {
		return m, fmt.Errorf("smaps_rollup: no Rss or no Pss in %q", text)
	}
	return m, nil
}

// parsePeak reads VmHWM of /proc/PID/status (proc_pid_status(5)), in bytes.
func parsePeak(text []byte) (int64, error) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 3 && string(fields[0]) == "VmHWM:" && string(fields[2]) == "kB" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("status %q: %w", lines.Bytes(), err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("status: no VmHWM in %q", text)
}

func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return memory{}, err
	}
	m, err := parseSmapsRollup(text)
	if err != nil {
		return m, err
	}
	if text, err = os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err != nil {
		return m, err
	}
	m.Peak, err = parsePeak(text)
	return m, err
}

// allocations are what a Go process allocated so far.
type allocations struct {
	Mallocs uint64 `json:"Mallocs"`
	Bytes   uint64 `json:"TotalAlloc"`
}

// allocationsOf asks Caddy's admin API, which serves the variables of package
// expvar.
func allocationsOf(ctx context.Context, admin string) (allocations, error) {
	var vars struct {
		Memstats allocations `json:"memstats"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/debug/vars", nil)
	if err != nil {
		return allocations{}, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return allocations{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return allocations{}, fmt.Errorf("%s: status %d", request.URL, answer.StatusCode)
	}
	if err := json.NewDecoder(answer.Body).Decode(&vars); err != nil {
		return allocations{}, fmt.Errorf("%s: %w", request.URL, err)
	}
	return vars.Memstats, nil
}
