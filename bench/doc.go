// Command bench says what Strangler costs, as ratios to Caddy's own
// reverse_proxy measured in the same run on the same machine; it never judges
// an absolute time.
//
// The program is several processes of itself: an origin (monolith and service),
// a load generator that checks every answer, and the run that starts them and
// the proxies, gives out slices of load and reads the proxies' CPU time. The
// proxies share one core, origin and load generator another. All proxies of a
// workload run at the same time and get short slices in turn, the order swapped
// every round, so that whatever disturbs the machine disturbs all of them; what
// counts is the ratio of two in the same round, the median of all rounds. One proxy
// appears twice, and the ratio of it to itself tells how far the others can be trusted.
//
// The walk through the package: options.go and run.go, then workload.go and
// subject.go (what is asked of whom), load.go and http1.go, http2.go (asking),
// schedstat.go and memory.go (reading), stats.go, report.go, print.go and
// chart.go (saying). docs/benchmark.md is the operator's side of it.
package main
