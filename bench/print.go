package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// publish prints the report and writes results.json and chart.svg to the folder
// out.
func publish(r *report, out string, w io.Writer) error {
	if err := r.print(w); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	results, chart := filepath.Join(out, "results.json"), filepath.Join(out, "chart.svg")
	if err := os.WriteFile(results, append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(chart, drawChart(r), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s\n%s\n", results, chart)
	return err
}

// print writes the tables for a terminal; the first error of w is returned.
func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "%s, %d cores, Linux %s\n", r.Machine.CPU, r.Machine.Cores, r.Machine.Kernel)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		_, _ = fmt.Fprintf(w, "%s: %s\n", name, r.Versions[name])
	}
	_, _ = fmt.Fprintf(w, "%s; ratios to reverse_proxy in the same run, below 1 is less\n", r.Settings.slicing())
	for _, one := range r.Workloads {
		_, _ = fmt.Fprintf(w, "\n%s: %s\n", one.Name, one.Title)
		one.print(t)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if len(r.Lines) > 0 {
		_, _ = fmt.Fprintln(w, "\nLines to hold (self: reverse_proxy to itself, 1 on a quiet machine)")
	}
	l := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range r.Lines {
		_, _ = fmt.Fprintf(l, "%s\t%s\t%s\t%s\tself %.2f\n", one.Verdict, one.Workload, one.What, one.sides(), one.Self)
	}
	return errors.Join(l.Flush(), r.caches(w), r.notes(w))
}

// notes says what a reader must know of the table.
func (r *report) notes(w io.Writer) error {
	var err error
	for _, one := range r.Workloads {
		for _, s := range one.Subjects {
			if s.clientBound() {
				_, err = fmt.Fprintf(w, "\n* the proxy's core was not busy all the time, the load generator was the slower side: it could do more\n")
				return err
			}
		}
	}
	return err
}

// caches says how much the caches of flags knew.
func (r *report) caches(w io.Writer) error {
	for _, one := range r.Workloads {
		for _, s := range one.Subjects {
			c := s.FlagCache
			if c == nil {
				continue
			}
			_, err := fmt.Fprintf(w, "\n%s: the flag cache knew %.2f %% of %d answers; %d of %d entries, %d evictions",
				one.Name, 100*float64(c.Hits)/float64(max(1, c.Hits+c.Misses)), c.Hits+c.Misses, c.Entries, c.Capacity, c.Evictions)
			if err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// clientBound says that the proxy's core was idle for more than a tenth of the
// saturated slices.
func (s *subjectResult) clientBound() bool { return s.ProxyBusy < 0.9 }

// sides are the ratio and its limit, if there is one.
func (l *line) sides() string {
	if l.Limit == 0 {
		return fmt.Sprintf("%.2f", l.Ratio)
	}
	return fmt.Sprintf("%.2f ≤ %.2f", l.Ratio, l.Limit)
}

func (w *workloadResult) print(t io.Writer) {
	_, _ = fmt.Fprintln(t, "\tCPU\tthroughput\tp50\tp99\tmallocs\tbytes\tRSS\tpeak RSS\tPSS\t")
	for _, s := range w.Subjects {
		mark := " "
		if s.clientBound() {
			mark = "*"
		}
		x := s.Ratio
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Title, show(x.CPU), show(x.Throughput), mark, show(x.P50), show(x.P99),
			show(x.Mallocs), show(x.Allocated), show(x.RSS), show(x.Peak), show(x.PSS))
	}
	base := w.Subjects[0]
	_, _ = fmt.Fprintf(t, "reverse_proxy here\t%.1f µs\t%.0f/s \t%.0f µs\t%.0f µs\t%.1f\t%.0f\t%.0f MiB\t%.0f MiB\t%.0f MiB\t\n",
		base.CPU/1e3, base.Rate, base.P50/1e3, base.P99/1e3, base.Mallocs, base.Allocated,
		float64(base.Memory.RSS)/(1<<20), float64(base.Memory.Peak)/(1<<20), float64(base.Memory.PSS)/(1<<20))
}

// show is a ratio as text; what was not measured is a dash.
func show(x float64) string {
	if x == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}
