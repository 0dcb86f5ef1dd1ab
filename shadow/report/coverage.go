package report

// Coverage is where the sampled requests ended. The counts of Buckets add up to
// Sampled.
type Coverage struct {
	Sampled uint64   `json:"sampled"`
	Rare    uint64   `json:"rare"` // beside them, taken for being rare
	Buckets []Bucket `json:"buckets"`
	// Formats are what the compared bodies were read as.
	Formats []Count `json:"formats,omitempty"`
}

// A Bucket is one way to end, with the reasons if it has any.
type Bucket struct {
	Bucket   string  `json:"bucket"`
	Count    uint64  `json:"count"`
	Share    float64 `json:"share"` // of Sampled
	Compared bool    `json:"compared"`
	Why      []Count `json:"why,omitempty"`
}

// Count is how often something was.
type Count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

// Latency holds the times of both sides to the same requests against each other,
// without first uses of a connection.
type Latency struct {
	Pairs     uint64          `json:"pairs"`
	Cold      uint64          `json:"cold"` // left out
	Quantiles []LatencyAtRank `json:"quantiles,omitempty"`
	// Ratio is the median of the service's time over the monolith's, request by
	// request, and Slower the share of requests that the service took longer for.
	Ratio  float64 `json:"ratio,omitempty"`
	Slower float64 `json:"slower,omitempty"`
}

// LatencyAtRank is one quantile of both sides, in milliseconds.
type LatencyAtRank struct {
	Quantile float64 `json:"quantile"`
	Monolith float64 `json:"monolith_ms"`
	Service  float64 `json:"service_ms"`
}
