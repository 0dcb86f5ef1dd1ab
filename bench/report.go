package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

// formatVersion is the version of results.json; it changes when a reader of
// the old one would be wrong.
const formatVersion = 1

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
	Slices      int           `json:"slices"`
	PacedSlices int           `json:"paced_slices"`
	Slice       time.Duration `json:"slice_ns"`
	Warmup      time.Duration `json:"warmup_ns"`
	Routes      []int         `json:"routes"`
	ProxyCPUs   []int         `json:"proxy_cpus"`
	LoadCPUs    []int         `json:"load_cpus"`
	Noise       float64       `json:"noise"`
}

// workloadResult is one workload on all subjects; the first is reverse_proxy.
type workloadResult struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Line is the CPU ratio to hold, Rate the offered requests per second
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
	// ProxyBusy and LoadBusy are how much of their cores the proxy, and origin
	// with load generator, used at saturation (median of the slices). A proxy
	// far from 1 was waiting, and its throughput is a lower bound.
	ProxyBusy float64       `json:"proxy_busy"`
	LoadBusy  float64       `json:"load_busy"`
	Slices    []sliceRecord `json:"slices"`
	Paced     []pacedRecord `json:"paced_slices"`
}

// ratios are to reverse_proxy in the same workload: below 1 is less.
type ratios struct {
	CPU        float64 `json:"cpu"`
	Throughput float64 `json:"throughput"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	Mallocs    float64 `json:"mallocs,omitempty"`
	Allocated  float64 `json:"allocated,omitempty"`
	RSS        float64 `json:"rss"`
	PSS        float64 `json:"pss"`
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
			Slices: o.slices, PacedSlices: o.pacedSlices(), Slice: o.slice, Warmup: o.warmup,
			Routes: o.routes, ProxyCPUs: o.proxyCPUs, LoadCPUs: o.loadCPUs, Noise: o.noise,
		},
	}
}

// finish adds what only the whole run can say.
func (r *report) finish(o *options) {
	r.Took = time.Since(r.Started)
	for _, w := range r.Workloads {
		r.Lines = append(r.Lines, w.lines(o.noise)...)
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
// chance once in a million runs.
func (s *subjectResult) checkShare() error {
	if s.Kind != kindStrangler {
		return nil
	}
	if s.Seen == 0 {
		return fmt.Errorf("no user was seen")
	}
	share := float64(s.Service) / float64(s.Seen)
	if allowed := 5 * 0.5 / math.Sqrt(float64(s.Seen)); math.Abs(share-0.5) > allowed {
		return fmt.Errorf("%d of %d users on the service (%.1f %%): the table says 50 %%", s.Service, s.Seen, 100*share)
	}
	return nil
}

// compare computes every subject's numbers and their ratios to the first one's.
func (w *workloadResult) compare(o *options) {
	base := w.Subjects[0]
	for _, s := range w.Subjects {
		s.CPU = lowQuintile(s.series(perAnswer))
		s.Rate = highQuintile(s.series(perSecond))
		s.ProxyBusy = nearestRank(s.series(proxyBusy), 0.5) / float64(len(o.proxyCPUs))
		s.LoadBusy = nearestRank(s.series(loadBusy), 0.5) / float64(len(o.loadCPUs))
		s.P50 = lowQuintile(s.pacedSeries(func(p pacedRecord) time.Duration { return p.P50 }))
		s.P99 = lowQuintile(s.pacedSeries(func(p pacedRecord) time.Duration { return p.P99 }))
		s.Ratio = ratios{
			CPU:        ratio(s.CPU, base.CPU),
			Throughput: ratio(s.Rate, base.Rate),
			P50:        ratio(s.P50, base.P50),
			P99:        ratio(s.P99, base.P99),
			Mallocs:    ratio(s.Mallocs, base.Mallocs),
			Allocated:  ratio(s.Allocated, base.Allocated),
			RSS:        ratio(float64(s.Memory.RSS), float64(base.Memory.RSS)),
			PSS:        ratio(float64(s.Memory.PSS), float64(base.Memory.PSS)),
		}
	}
}

// self is the CPU ratio of reverse_proxy to itself: 1 on a quiet machine.
func (w *workloadResult) self() float64 {
	for _, s := range w.Subjects {
		if s.Name == againName {
			return s.Ratio.CPU
		}
	}
	return 0
}
