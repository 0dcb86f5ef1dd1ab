package main

import "time"

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
	Peak       float64 `json:"peak_rss"`
}

// decidedRatios are to the routes with a fixed percentage.
type decidedRatios struct {
	CPU       float64 `json:"cpu"`
	P99       float64 `json:"p99"`
	Mallocs   float64 `json:"mallocs"`
	Allocated float64 `json:"allocated"`
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
			CPU:        s.cpuTo(base),
			Throughput: ratio(s.Rate, base.Rate),
			P50:        ratio(s.P50, base.P50),
			P99:        ratio(s.P99, base.P99),
			Mallocs:    ratio(s.Mallocs, base.Mallocs),
			Allocated:  ratio(s.Allocated, base.Allocated),
			RSS:        ratio(float64(s.Memory.RSS), float64(base.Memory.RSS)),
			PSS:        ratio(float64(s.Memory.PSS), float64(base.Memory.PSS)),
			Peak:       ratio(float64(s.Memory.Peak), float64(base.Memory.Peak)),
		}
	}
	for _, s := range w.Subjects {
		if p := w.percent(s); p != nil {
			s.ToPercent = &decidedRatios{
				CPU: s.cpuTo(p), P99: ratio(s.P99, p.P99), Mallocs: ratio(s.Mallocs, p.Mallocs), Allocated: ratio(s.Allocated, p.Allocated),
			}
		}
	}
}

// cpuTo is what an answer takes of the CPU that one of another proxy takes: in each
// round by itself, for what else happens on the machine changes from second to second,
// and of all rounds the median. 0 without rounds.
func (s *subjectResult) cpuTo(base *subjectResult) float64 {
	mine, others := s.series(perAnswer), base.series(perAnswer)
	rounds := make([]float64, min(len(mine), len(others)))
	for i := range rounds {
		rounds[i] = ratio(mine[i], others[i])
	}
	return median(rounds)
}

// percent is the subject with fixed percentages, and without identity, in a table
// of the same size that s is held against; nil when s is itself that, or no Strangler.
func (w *workloadResult) percent(s *subjectResult) *subjectResult {
	if s.Decided == "" || s.Decided == byPercent {
		return nil
	}
	for _, one := range w.Subjects {
		if one.Decided == byPercent && one.Routes == s.Routes {
			return one
		}
	}
	return nil
}

// self are the ratios of reverse_proxy to itself in another process: 1 on a
// quiet machine.
func (w *workloadResult) self() ratios {
	for _, s := range w.Subjects {
		if s.Name == againName {
			return s.Ratio
		}
	}
	return ratios{}
}
