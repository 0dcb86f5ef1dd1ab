package engine

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
)

// BenchmarkRemember is what a request costs more when it is remembered: alone
// (way), and as a part of one that a target really serves over the loopback
// (served). Both in turns, as the machine's speed changes by the second; what
// others do to the machine is above the low quintile.
func BenchmarkRemember(b *testing.B) {
	b.Run("way", func(b *testing.B) {
		table := strings.NewReplacer("MONOLITH", "{}", "SERVICE", "{}", "FIELD", "percent: 50").Replace(fieldTable)
		inTurns(b, newBed(b, table, withSite(Site{"monolith": brief{}, "s": brief{}})), 50)
	})
	b.Run("served", func(b *testing.B) {
		table := strings.NewReplacer("monolith: MONOLITH", "monolith: { url: MONOLITH }", "s: SERVICE", "s: { url: SERVICE }", "FIELD", "percent: 50").Replace(fieldTable)
		inTurns(b, newBed(b, table), 4)
	})
}

// inTurns measures slices of requests with and without a ring.
func inTurns(b *testing.B, bed *bed, slice int) {
	b.Helper()
	ask := request(b, bed, "/r", http.Header{"X-Tenant": {"tenant-17"}})
	ring := recent.New(recent.Default)
	var took [2][]time.Duration
	for b.Loop() {
		for i := range took {
			if i == 1 {
				bed.recent.Store(ring)
			} else {
				bed.recent.Store(nil)
			}
			start := time.Now()
			for range slice {
				ask()
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	quintile := len(took[0]) / 5
	off, on := float64(took[0][quintile])/float64(slice), float64(took[1][quintile])/float64(slice)
	b.ReportMetric(off, "ns/off")
	b.ReportMetric(on-off, "ns/more")
	b.ReportMetric(on/off, "ratio")
}
