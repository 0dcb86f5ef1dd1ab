package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the flags of a run.
type options struct {
	// binary is the strangler to measure; it plays reverse_proxy too.
	binary string
	// out is the folder for the results.
	out string
	// slices is how many saturated slices each proxy gets, slice how long one
	// is, warmup how long each proxy is loaded before that.
	slices        int
	slice, warmup time.Duration
	// routes are the table sizes; none measures reverse_proxy and the peers only.
	routes []int
	// decided is what else than a fixed percentage decides, in one more table
	// each: byRollout, byFlag.
	decided   []string
	workloads []string
	peers     []string
	// proxyCPUs and loadCPUs are the cores of the proxies and of origin and
	// load generator.
	proxyCPUs, loadCPUs []int
	// noise is how far from 1 the ratio of a proxy to itself may be before a
	// line near that ratio is called unclear; also how much more a big table
	// may cost than a small one.
	noise float64
	// check makes a broken line an exit code.
	check bool
	// profile asks each Caddy for profiles after the slices.
	profile bool
}

// long is how many times longer some slices are; there are as many times fewer.
const long = 4

// saturated are the slices at saturation of each proxy: short ones, so that what
// happens on the machine happens to all proxies of a round. Shadows are asked beside
// the clients' requests, and what is under way at a slice's end is not seen in it.
func (o *options) saturated(w workload) (count int, length time.Duration) {
	if w.shadow {
		return max(1, o.slices/long), o.slice * long
	}
	return o.slices, o.slice
}

// paced are the slices at a fixed rate, long enough for a p99: latency needs fewer of
// them than CPU does, but where it has a line.
func (o *options) paced(w workload) (count int, length time.Duration) {
	count = o.slices / long
	if !w.shadow {
		count /= long
	}
	return max(1, count), o.slice * long
}

// middle is the table size at which rollouts and flags are held against fixed
// percentages, 0 without tables.
func (o *options) middle() int {
	if len(o.routes) == 0 {
		return 0
	}
	return o.routes[len(o.routes)/2]
}

// sizes are the table sizes of a workload. New visitors and sessions are asked at
// one only: what they cost more has nothing to do with the table.
func (o *options) sizes(w workload) []int {
	if (w.fresh || w.whole()) && len(o.routes) > 0 {
		return []int{o.middle()}
	}
	return o.routes
}

// deciders are what else than a fixed percentage decides in a workload's tables
// of n routes.
func (o *options) deciders(w workload, n int) []string {
	if w.session {
		return []string{byIdentity}
	}
	if w.shadow {
		return []string{byShadow, byHung}
	}
	if !w.decided || n != o.middle() {
		return nil
	}
	return o.decided
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	var quick bool
	var routes, decided, workloads, peers, proxyCPUs, loadCPUs string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.binary, "binary", "bin/strangler", "the strangler to measure; it plays reverse_proxy too")
	f.StringVar(&o.out, "out", "bench/out", "folder for results.json and chart.svg")
	f.IntVar(&o.slices, "slices", 80, "slices per proxy and workload; a quarter of that, four times as long, in the workload shadow")
	f.DurationVar(&o.slice, "slice", 150*time.Millisecond, "length of a slice")
	f.DurationVar(&o.warmup, "warmup", time.Second, "load on each proxy before the first slice")
	f.StringVar(&routes, "routes", "1,1000,100000", "sizes of the route tables; \"none\" leaves Strangler out")
	f.StringVar(&decided, "decided", byRollout+","+byFlag, "what else than a fixed percentage decides, in tables of the middle size; \"none\" leaves them out")
	f.StringVar(&workloads, "workloads", strings.Join(workloadNames(), ","), "what to ask")
	f.StringVar(&peers, "peers", "nginx,haproxy", "other proxies, if they are installed; \"none\" leaves them out")
	f.StringVar(&proxyCPUs, "proxy-cpus", "0", "cores for the proxies, as in 0,2")
	f.StringVar(&loadCPUs, "load-cpus", "1", "cores for origin and load generator")
	f.Float64Var(&o.noise, "noise", 0.05, "how far a proxy may differ from itself, and a big table from a small one")
	f.BoolVar(&quick, "quick", false, "a short run to see that it works: 8 slices of 120ms; its ratios mean little")
	f.BoolVar(&o.check, "check", false, "exit 1 when a line is broken, 3 when the machine is too noisy to say")
	f.BoolVar(&o.profile, "profile", false, "also write profiles (CPU, allocations) of the Caddy processes to the folder of -out")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is one word too many", f.Arg(0))
	}
	if quick {
		o.shorten(f)
	}
	o.workloads, o.peers, o.decided = list(workloads), list(peers), list(decided)
	var err error
	if o.routes, err = integers("routes", list(routes)); err != nil {
		return nil, err
	}
	if o.proxyCPUs, err = integers("proxy-cpus", list(proxyCPUs)); err != nil {
		return nil, err
	}
	if o.loadCPUs, err = integers("load-cpus", list(loadCPUs)); err != nil {
		return nil, err
	}
	return o, o.validate()
}

// shorten sets the lengths of a quick run, except those that were given.
func (o *options) shorten(f *flag.FlagSet) {
	given := make(map[string]bool)
	f.Visit(func(one *flag.Flag) { given[one.Name] = true })
	if !given["slices"] {
		o.slices = 8
	}
	if !given["slice"] {
		o.slice = 120 * time.Millisecond
	}
	if !given["warmup"] {
		o.warmup = 200 * time.Millisecond
	}
}

func (o *options) validate() error {
	switch {
	case o.slices < 1:
		return errors.New("-slices: at least 1")
	case o.slice < 10*time.Millisecond:
		return errors.New("-slice: at least 10ms")
	case o.warmup < 0:
		return errors.New("-warmup: cannot be negative")
	case o.noise <= 0 || o.noise >= 1:
		return errors.New("-noise: between 0 and 1, as in 0.05")
	case len(o.workloads) == 0:
		return errors.New("-workloads: none is left")
	}
	for _, name := range o.decided {
		if name != byRollout && name != byFlag {
			return fmt.Errorf("-decided: %q is not one of %s, %s", name, byRollout, byFlag)
		}
	}
	for _, name := range o.workloads {
		if !slices.Contains(workloadNames(), name) {
			return fmt.Errorf("-workloads: %q is not one of %s", name, strings.Join(workloadNames(), ", "))
		}
	}
	for _, name := range o.peers {
		if !slices.Contains(peerNames(), name) {
			return fmt.Errorf("-peers: %q is not one of %s", name, strings.Join(peerNames(), ", "))
		}
	}
	for _, n := range o.routes {
		if n < 1 || n > maxRoutes {
			return fmt.Errorf("-routes: %d is not between 1 and %d", n, maxRoutes)
		}
	}
	slices.Sort(o.routes)
	o.routes = slices.Compact(o.routes)
	return o.validateCPUs()
}

// validateCPUs falls back to what there is on a machine with one core.
func (o *options) validateCPUs() error {
	if runtime.NumCPU() == 1 {
		o.proxyCPUs, o.loadCPUs = []int{0}, []int{0}
	}
	for _, cpu := range slices.Concat(o.proxyCPUs, o.loadCPUs) {
		if cpu < 0 || cpu >= 1024 {
			return fmt.Errorf("-proxy-cpus, -load-cpus: there is no core %d", cpu)
		}
	}
	if len(o.proxyCPUs) == 0 || len(o.loadCPUs) == 0 {
		return errors.New("-proxy-cpus, -load-cpus: both need a core")
	}
	return nil
}

// list splits a,b,c; "none" and the empty text are no words.
func list(text string) []string {
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" && word != "none" {
			words = append(words, word)
		}
	}
	return words
}

func integers(flagName string, words []string) ([]int, error) {
	numbers := make([]int, 0, len(words))
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("-%s: %q is not a whole number", flagName, word)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
