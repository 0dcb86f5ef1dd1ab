package diff

import (
	"fmt"
	"strings"
	"testing"
)

func smallJSON(n int) string {
	return fmt.Sprintf(`{"id":%d,"question":"How do I reset my password?","answer":"Open \u201cSettings\u201d.","tags":["account","login"],"score":4.50,"served_at":"2026-01-01T00:00:00Z"}`, n)
}

// bigJSON is 100 KiB of a list of objects, of which the last differs by n.
func bigJSON(n int) string {
	var b strings.Builder
	b.WriteString(`{"results":[`)
	for i := 0; b.Len() < 100<<10; i++ {
		b.WriteString(smallJSON(i) + ",")
	}
	return b.String() + smallJSON(-n) + "]}"
}

func bigHTML(n int) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><title>FAQ</title><form><input name=csrfmiddlewaretoken value=" + fmt.Sprint(n) + "></form><ul>")
	for i := 0; b.Len() < 100<<10; i++ {
		fmt.Fprintf(&b, "\n  <li class=\"q\" id=\"q%d\"><a href=\"/v1/faq/%d\">How do I <b>reset</b> my password?</a> %d votes</li>", i, i, i)
	}
	return b.String() + "</ul>"
}

// bigOrder is bigJSON with its members in another order, so that no part of the
// source is the same.
func bigOrder() string {
	return strings.ReplaceAll(bigJSON(1), `,"score":4.50,"served_at":"2026-01-01T00:00:00Z"}`, `,"served_at":"2026-01-01T00:00:00Z","score":4.5}`)
}

func BenchmarkCompare(b *testing.B) {
	for _, bench := range []struct{ name, contentType, x, y string }{
		{"same bytes 100 KiB", "application/json", bigJSON(1), bigJSON(1)},
		{"JSON 200 B, one differs", "application/json", smallJSON(1), smallJSON(2)},
		{"JSON 100 KiB, one differs", "application/json", bigJSON(1), bigJSON(2)},
		{"JSON 100 KiB, spelled otherwise", "application/json", bigJSON(1), bigOrder()},
		{"HTML 100 KiB, one differs", "text/html", bigHTML(1), bigHTML(2)},
	} {
		for _, presets := range [][]string{nil, {"django", "drf"}} {
			name := bench.name
			if presets != nil {
				name += ", with presets"
			}
			b.Run(name, func(b *testing.B) {
				c := comparer(b, Options{Presets: presets})
				x, y := answer(bench.contentType, bench.x), answer(bench.contentType, bench.y)
				b.SetBytes(int64(len(bench.x)))
				b.ReportAllocs()
				for b.Loop() {
					c.Compare(x, y, now)
				}
			})
		}
	}
}

func TestEqualBytesAllocateTheResultAlone(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	c := comparer(t, Options{Presets: Presets()})
	x, y := answer("application/json", bigJSON(1)), answer("application/json", bigJSON(1))
	c.Compare(x, y, now)
	if n := testing.AllocsPerRun(100, func() { c.Compare(x, y, now) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
