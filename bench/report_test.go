package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sampleReport has two workloads with known slices: the proxies need 100, 60,
// 66, 20 and 102 µs per answer.
func sampleReport(t *testing.T) *report {
	t.Helper()
	o, err := parseOptions([]string{"-slices", "5", "-peers", "none"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := newReport(context.Background(), o)
	r.Machine.CPU = `A <CPU> & "friends"`
	for _, name := range []string{"json", "upload"} {
		w := workloadNamed(name)
		one := &workloadResult{Name: w.name, Title: w.title, Line: w.line, Rate: 5000}
		for _, s := range []struct {
			subject subjectResult
			micros  int
		}{
			{subjectResult{Name: kindReverseProxy, Kind: kindReverseProxy, Title: "Caddy reverse_proxy"}, 100},
			{subjectResult{Name: "strangler-1", Kind: kindStrangler, Title: "Strangler, 1 route", Routes: 1, Decided: byPercent}, 60},
			{subjectResult{Name: "strangler-100000", Kind: kindStrangler, Title: "Strangler, 100,000 routes", Routes: 100000, Decided: byPercent}, 66},
			{subjectResult{Name: kindNginx, Kind: kindNginx, Title: "nginx"}, 20},
			{subjectResult{Name: againName, Kind: kindReverseProxy, Title: "reverse_proxy again"}, 102},
		} {
			one.Subjects = append(one.Subjects, measured(s.subject, s.micros))
		}
		one.compare(o)
		r.Workloads = append(r.Workloads, one)
	}
	r.finish(o)
	return r
}

// measured adds five slices of 1,000 answers, of which the first is quiet.
func measured(s subjectResult, micros int) *subjectResult {
	for i := range 5 {
		cpu := time.Duration(micros*(10+i)) * 100 * time.Microsecond
		s.add(sliceResult{Answers: 1000, Elapsed: cpu, Service: 500, Seen: 1000}, cpu, cpu/2)
		s.addPaced(sliceResult{Answers: 500, P50: cpu / 1000, P99: cpu / 500, Service: 500, Seen: 1000})
	}
	s.Memory = memory{RSS: int64(micros) << 20, PSS: int64(micros) << 19, Peak: int64(micros) << 21}
	s.allocated(allocations{Mallocs: 50, Bytes: 70}, allocations{Mallocs: 50 + 5000*uint64(micros), Bytes: 70 + 5000*2*uint64(micros)}, s.Answers)
	return &s
}

func TestRatiosAreToTheFirstSubject(t *testing.T) {
	t.Parallel()
	w := sampleReport(t).Workloads[0]
	one := w.Subjects[1]
	if one.Answers != 5000 || one.CPU != 60_000 || one.Mallocs != 60 || one.Allocated != 120 || one.ProxyBusy != 1 || one.LoadBusy != 0.5 {
		t.Errorf("absolute numbers: %+v", one)
	}
	want := ratios{CPU: 0.6, Throughput: 1 / 0.6, P50: 0.6, P99: 0.6, Mallocs: 0.6, Allocated: 0.6, RSS: 0.6, PSS: 0.6, Peak: 0.6}
	got := one.Ratio
	if diff := got.Throughput - want.Throughput; diff > 1e-9 || diff < -1e-9 {
		t.Errorf("throughput %v, want %v", got.Throughput, want.Throughput)
	}
	if got.Throughput = want.Throughput; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := w.self().CPU; got != 1.02 {
		t.Errorf("self ratio %v", got)
	}
}

// Whatever slows a round slows all that is in it.
func TestRatiosAreOfARoundEach(t *testing.T) {
	t.Parallel()
	one, other := new(subjectResult), new(subjectResult)
	for _, disturbed := range []int{10, 16, 11, 30, 10, 13, 22} {
		one.add(sliceResult{Answers: 100, Elapsed: time.Second}, time.Duration(11*disturbed)*time.Millisecond, 0)
		other.add(sliceResult{Answers: 100, Elapsed: time.Second}, time.Duration(10*disturbed)*time.Millisecond, 0)
	}
	one.Slices[2].CPU *= 3 // and what happens to one slice is outvoted
	if got := one.cpuTo(other); got != 1.1 {
		t.Errorf("%v", got)
	}
	if got := one.cpuTo(new(subjectResult)); got != 0 {
		t.Errorf("without rounds %v", got)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ratio, limit, self float64
		want               verdict
	}{
		{0.60, 0.75, 1.00, pass},
		{0.75, 0.75, 1.04, pass},
		{0.76, 0.75, 1.00, fail},
		{0.76, 0.75, 0.96, fail},
		{0.60, 0.75, 1.10, pass},    // noisy, but far from the limit
		{0.72, 0.75, 1.10, unclear}, // noisy, and near it
		{0.78, 0.75, 0.90, unclear},
		{0.95, 0.75, 1.10, fail},
	} {
		if got := judge(test.ratio, test.limit, test.self, 0.05); got != test.want {
			t.Errorf("%v ≤ %v with self %v: %s, want %s", test.ratio, test.limit, test.self, got, test.want)
		}
	}
}

func TestLinesAndExitCode(t *testing.T) {
	t.Parallel()
	r := sampleReport(t)
	verdicts := make([]string, 0, len(r.Lines))
	for _, l := range r.Lines {
		if l.Limit == 0 {
			continue // memory is measured only
		}
		verdicts = append(verdicts, l.Workload+" "+string(l.Verdict))
	}
	want := "json pass, json pass, json FAIL, upload pass, upload pass, upload FAIL" // 66 to 60 grows by a tenth
	if got := strings.Join(verdicts, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, test := range []struct {
		verdicts []verdict
		check    bool
		want     int
	}{
		{[]verdict{pass, fail}, false, 0},
		{[]verdict{pass, noLimit, pass}, true, 0},
		{[]verdict{pass, unclear}, true, exitUnclear},
		{[]verdict{unclear, fail, pass}, true, exitBroken},
	} {
		judged := new(report)
		for _, v := range test.verdicts {
			judged.Lines = append(judged.Lines, line{Verdict: v})
		}
		if got := judged.exitCode(test.check); got != test.want {
			t.Errorf("%v, check %v: exit code %d, want %d", test.verdicts, test.check, got, test.want)
		}
	}
}

func TestShareIsHeldAgainstTheDeclaredHalf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind          string
		service, seen int
		whole, ok     bool
	}{
		{kindStrangler, 500, 1000, false, true},
		{kindStrangler, 560, 1000, false, true},
		{kindStrangler, 600, 1000, false, false},
		{kindStrangler, 31000, 64000, false, false},
		{kindStrangler, 0, 0, false, false},
		{kindStrangler, 999, 1000, true, false},
		{kindStrangler, 1000, 1000, true, true},
		{kindReverseProxy, 0, 0, false, true},
	} {
		s := subjectResult{Kind: test.kind, Service: test.service, Seen: test.seen}
		if err := s.checkShare(test.whole); (err == nil) != test.ok {
			t.Errorf("%d of %d: %v", test.service, test.seen, err)
		}
	}
}

func TestPublishedFilesAreReadable(t *testing.T) {
	t.Parallel()
	r, dir := sampleReport(t), filepath.Join(t.TempDir(), "out")
	var terminal bytes.Buffer
	if err := publish(r, dir, &terminal); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FAIL", "Strangler, 100,000 routes", "0.66", "self 1.02", "results.json", "(shadow: "} {
		if !strings.Contains(terminal.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, &terminal)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Format != formatVersion || len(back.Workloads) != 2 || back.Workloads[0].Subjects[1].Ratio != r.Workloads[0].Subjects[1].Ratio {
		t.Errorf("results.json reads back as %+v", back)
	}
	chart, err := os.ReadFile(filepath.Join(dir, "chart.svg"))
	if err != nil {
		t.Fatal(err)
	}
	checkChart(t, chart)
}

// checkChart holds that the chart is well-formed, escapes what it is given, and
// draws a bar with a number for every proxy.
func checkChart(t *testing.T, chart []byte) {
	t.Helper()
	bars, texts := 0, ""
	decoder := xml.NewDecoder(bytes.NewReader(chart))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, chart)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "rect" {
				bars++
			}
		case xml.CharData:
			texts += string(token) + "\n"
		}
	}
	if want := 1 + 3 + 2*5; bars != want { // page, key, bars
		t.Errorf("%d rectangles, want %d", bars, want)
	}
	for _, want := range []string{`A <CPU> & "friends"`, "0.60", "0.66", "1.02", "prefers-color-scheme"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the chart does not say %q", want)
		}
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-slices", "0"}, {"-slice", "1ms"}, {"-workloads", "jsom"}, {"-workloads", ""}, {"-peers", "apache"},
		{"-routes", "0"}, {"-routes", "9999999"}, {"-routes", "many"}, {"-proxy-cpus", "none"}, {"-noise", "2"}, {"-decided", "toss"}, {"extra"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
	o, err := parseOptions([]string{"-quick", "-slices", "7", "-routes", "1000,1,1000"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.slices != 7 || o.slice != 120*time.Millisecond || len(o.routes) != 2 || o.routes[0] != 1 {
		t.Errorf("got %+v", o)
	}
}
