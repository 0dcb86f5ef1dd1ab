package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

// formatVersion is the version of results.json; it changes when a reader of
// the old one would be wrong.
const formatVersion = 2

// report is results.json: all that a run has to say. Times are nanoseconds,
// sizes bytes, ratios are to reverse_proxy in the same workload; 0 means not
// measured.
type report struct {
	Format    int               `json:"format"`
	Started   time.Time         `json:"started"`
	Took      time.Duration     `json:"took_ns"`
	Machine   machine           `json:"machine"`
	Versions  map[string]string `json:"versions"`
	Settings  settings          `json:"settings"`
	Workloads []*workloadResult `json:"workloads"`
	Lines     []line            `json:"lines"`
}

// settings are the flags that shape the numbers.
type settings struct {
	Slices    int           `json:"slices"`
	Slice     time.Duration `json:"slice_ns"`
	Warmup    time.Duration `json:"warmup_ns"`
	Routes    []int         `json:"routes"`
	Decided   []string      `json:"decided"`
	ProxyCPUs []int         `json:"proxy_cpus"`
	LoadCPUs  []int         `json:"load_cpus"`
	Noise     float64       `json:"noise"`
}

// slicing says how many slices each proxy got, and how long they were.
func (s settings) slicing() string {
	count, length := (&options{slices: s.Slices, slice: s.Slice}).saturated(workload{shadow: true})
	return fmt.Sprintf("%d slices of %s each (shadow: %d of %s)", s.Slices, s.Slice, count, length)
}

// workloadResult is one workload on all subjects; the first is reverse_proxy.
type workloadResult struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Fresh says that every request was a new visitor's.
	Fresh bool `json:"fresh,omitempty"`
	// Line is the CPU ratio to hold, 0 for none, Rate the offered requests per second
	// while latency was measured.
	Line     float64          `json:"line"`
	Rate     float64          `json:"rate_per_second"`
	Subjects []*subjectResult `json:"subjects"`
}

// subjectResult is one proxy in one workload. The numbers next to the ratios
// are of this machine on this day.
type subjectResult struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Kind   string `json:"kind"`
	Routes int    `json:"routes,omitempty"`
	Ratio  ratios `json:"ratio"`
	// Decided is what decides in its routes: percent, rollout or flag. ToPercent
	// are, of the latter two, ratios to the first in a table of the same size.
	Decided   string         `json:"decided,omitempty"`
	ToPercent *decidedRatios `json:"ratio_to_percent,omitempty"`
	// Answers counts all correct ones of the saturated slices.
	Answers int `json:"answers"`
	// CPU is proxy CPU per answer (low quintile of the slices), Rate answers
	// per second (high quintile), P50 and P99 latency at the fixed rate (low
	// quintile).
	CPU  float64 `json:"cpu_ns"`
	Rate float64 `json:"answers_per_second"`
	P50  float64 `json:"p50_ns"`
	P99  float64 `json:"p99_ns"`
	// Mallocs and Allocated are per answer, of a Caddy only.
	Mallocs   float64 `json:"mallocs,omitempty"`
	Allocated float64 `json:"allocated_bytes,omitempty"`
	Memory    memory  `json:"memory_bytes"`
	// Service of Seen pairs of user and resource were answered by the service.
	Service int `json:"service,omitempty"`
	Seen    int `json:"seen,omitempty"`
	// Evidence is how many requests the guards of its rollouts have counted:
	// all of them, or the run fails.
	Evidence int `json:"evidence,omitempty"`
	// FlagCache is of its cache of flags at the end.
	FlagCache *flagCache `json:"flag_cache,omitempty"`
	// Sessions is how they were read.
	Sessions *sessionCounts `json:"sessions,omitempty"`
	// Compared is the share of its answers, those before the slices too, that was compared.
	Compared float64 `json:"compared,omitempty"`
	// ProxyBusy and LoadBusy are how much of their cores the proxy, and origin
	// with load generator, used at saturation (median of the slices). A proxy
	// far from 1 was waiting, and its throughput is a lower bound.
	ProxyBusy float64       `json:"proxy_busy"`
	LoadBusy  float64       `json:"load_busy"`
	Slices    []sliceRecord `json:"slices"`
	Paced     []pacedRecord `json:"paced_slices"`
}

// sliceRecord is one saturated slice.
type sliceRecord struct {
	Answers int           `json:"answers"`
	Elapsed time.Duration `json:"elapsed_ns"`
	CPU     time.Duration `json:"cpu_ns"`
	LoadCPU time.Duration `json:"load_cpu_ns"`
}

// pacedRecord is one slice at the fixed rate.
type pacedRecord struct {
	Answers int           `json:"answers"`
	P50     time.Duration `json:"p50_ns"`
	P99     time.Duration `json:"p99_ns"`
}

func newReport(ctx context.Context, o *options) *report {
	return &report{
		Format: formatVersion, Started: time.Now().UTC().Truncate(time.Second),
		Machine: thisMachine(), Versions: versions(ctx, o),
		Settings: settings{
			Slices: o.slices, Slice: o.slice, Warmup: o.warmup,
			Routes: o.routes, Decided: o.decided, ProxyCPUs: o.proxyCPUs, LoadCPUs: o.loadCPUs, Noise: o.noise,
		},
	}
}

// finish adds what only the whole run can say.
func (r *report) finish(o *options) {
	r.Took = time.Since(r.Started)
	for _, w := range r.Workloads {
		r.Lines = append(r.Lines, w.lines(o.noise)...)
	}
	if len(r.Workloads) > 0 { // memory is that of the table, not of what is asked
		r.Lines = append(r.Lines, r.Workloads[0].memoryLines()...)
	}
}

// add notes a saturated slice with the CPU time of the proxy and of origin and
// load generator in it.
func (s *subjectResult) add(r sliceResult, cpu, load time.Duration) {
	s.Answers += r.Answers
	s.Slices = append(s.Slices, sliceRecord{Answers: r.Answers, Elapsed: r.Elapsed, CPU: cpu, LoadCPU: load})
	s.Service, s.Seen = r.Service, r.Seen
}

func (s *subjectResult) addPaced(r sliceResult) {
	s.Paced = append(s.Paced, pacedRecord{Answers: r.Answers, P50: r.P50, P99: r.P99})
	s.Service, s.Seen = r.Service, r.Seen
}

// allocated notes what a Caddy allocated for its answers.
func (s *subjectResult) allocated(before, after allocations, answers int) {
	s.Mallocs = ratio(float64(after.Mallocs-before.Mallocs), float64(answers))
	s.Allocated = ratio(float64(after.Bytes-before.Bytes), float64(answers))
}

// series is one number of each saturated slice.
func (s *subjectResult) series(of func(sliceRecord) float64) []float64 {
	values := make([]float64, len(s.Slices))
	for i, one := range s.Slices {
		values[i] = of(one)
	}
	return values
}

func perAnswer(s sliceRecord) float64 { return ratio(float64(s.CPU), float64(s.Answers)) }
func perSecond(s sliceRecord) float64 { return ratio(float64(s.Answers), s.Elapsed.Seconds()) }
func proxyBusy(s sliceRecord) float64 { return ratio(float64(s.CPU), float64(s.Elapsed)) }
func loadBusy(s sliceRecord) float64  { return ratio(float64(s.LoadCPU), float64(s.Elapsed)) }

func (s *subjectResult) pacedSeries(of func(pacedRecord) time.Duration) []float64 {
	values := make([]float64, len(s.Paced))
	for i, one := range s.Paced {
		values[i] = float64(of(one))
	}
	return values
}

// checkShare holds the share of the service against the declared half: the
// pairs of user and resource fall independently, so 5 standard deviations are
// chance once in a million runs. whole: all users are to be there, to a man.
func (s *subjectResult) checkShare(whole bool) error {
	if s.Kind != kindStrangler {
		return nil
	}
	if s.Seen == 0 {
		return fmt.Errorf("no user was seen")
	}
	if whole {
		if s.Service != s.Seen {
			return fmt.Errorf("%d of %d users on the service: the table says all", s.Service, s.Seen)
		}
		return nil
	}
	share := float64(s.Service) / float64(s.Seen)
	if allowed := 5 * 0.5 / math.Sqrt(float64(s.Seen)); math.Abs(share-0.5) > allowed {
		return fmt.Errorf("%d of %d users on the service (%.1f %%): the table says 50 %%", s.Service, s.Seen, 100*share)
	}
	return nil
}
