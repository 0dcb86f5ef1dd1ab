package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// The chart's measures, in its own units.
const (
	chartWidth  = 760
	chartLeft   = 244 // where the bars begin, behind name and number
	chartRight  = 20
	chartTop    = 92
	chartBar    = 16
	chartStep   = 21
	chartHead   = 30 // a workload's title
	chartBottom = 52
)

// chartStyle keeps the chart readable on a light and on a dark page; colours
// differ in lightness too, so that they can be told apart in grey.
const chartStyle = `
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: 600; }
.head { font-weight: 600; }
.number { text-anchor: end; }
.soft { fill: #59636e; font-size: 12px; }
.page { fill: #ffffff; }
.strangler { fill: #0b6e69; }
.caddy { fill: #8b949e; }
.peer { fill: #c9a227; }
.one { stroke: #59636e; stroke-width: 1; }
.limit { stroke: #cf222e; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.soft { fill: #9198a1; }
.page { fill: #0d1117; }
.strangler { fill: #3fb5ad; }
.caddy { fill: #6e7681; }
.peer { fill: #d9b93b; }
.one { stroke: #9198a1; }
.limit { stroke: #ff7b72; }
}
`

// drawChart is an SVG picture of every proxy's CPU per request.
func drawChart(r *report) []byte {
	c := chart{most: 1.05}
	rows := 0
	for _, w := range r.Workloads {
		for _, s := range w.Subjects {
			c.most = max(c.most, s.Ratio.CPU)
			rows++
		}
	}
	c.height = chartTop + rows*chartStep + len(r.Workloads)*(chartHead+8) + chartBottom
	c.open(r)
	y := chartTop
	for _, w := range r.Workloads {
		y = c.workload(w, y)
	}
	c.text(20, c.height-28, "soft", fmt.Sprintf("%s, %d cores, %s; median of the rounds' ratios",
		r.Machine.CPU, r.Machine.Cores, r.Started.Format("2006-01-02")))
	c.text(20, c.height-10, "soft", "Only the ratios mean something, and only among themselves; reverse_proxy again is the same process a second time.")
	c.b.WriteString("</svg>\n")
	return c.b.Bytes()
}

type chart struct {
	b      bytes.Buffer
	most   float64 // the largest ratio
	height int
}

func (c *chart) open(r *report) {
	c.put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title description">`,
		chartWidth, c.height, chartWidth, c.height)
	c.put(`<title id="title">CPU per proxied request, as a ratio to Caddy's reverse_proxy</title>`)
	c.put(`<desc id="description">%s</desc>`, html.EscapeString(describe(r)))
	c.put(`<style>%s</style>`, chartStyle)
	c.put(`<rect class="page" width="%d" height="%d"/>`, chartWidth, c.height)
	c.text(20, 32, "title", "CPU per proxied request")
	c.text(20, 53, "soft", "Caddy's own reverse_proxy is 1; shorter is better. The red mark is the line that Strangler must hold.")
	x := 20
	for _, key := range []struct{ class, word string }{
		{"strangler", "Strangler, by size of its route table"}, {"caddy", "Caddy reverse_proxy"}, {"peer", "other proxies, no routes to decide"},
	} {
		c.put(`<rect class="%s" x="%d" y="66" width="12" height="12"/>`, key.class, x)
		c.text(x+18, 77, "soft", key.word)
		x += 40 + 6*len(key.word)
	}
}

// describe says the chart in words, for who cannot see it.
func describe(r *report) string {
	var b bytes.Buffer
	for _, w := range r.Workloads {
		_, _ = fmt.Fprintf(&b, "%s:", w.Title)
		for _, s := range w.Subjects {
			_, _ = fmt.Fprintf(&b, " %s %s;", s.Title, show(s.Ratio.CPU))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// workload draws one group of bars from y down and returns where it ends.
func (c *chart) workload(w *workloadResult, y int) int {
	c.text(20, y+18, "head", w.Title)
	y += chartHead
	top := y
	for _, s := range w.Subjects {
		c.text(20, y+chartBar-3, "", s.Title)
		c.put(`<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`,
			barClass(s.Kind), chartLeft, y, c.length(s.Ratio.CPU), chartBar)
		c.text(chartLeft-8, y+chartBar-3, "number", show(s.Ratio.CPU))
		if limit := w.limit(s); limit > 0 {
			x := chartLeft + c.length(limit)
			c.put(`<line class="limit" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, y-2, y+chartBar+2)
		}
		y += chartStep
	}
	x := chartLeft + c.length(1)
	c.put(`<line class="one" x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke-dasharray="3 3"/>`, x, x, top-4, y)
	return y + 8
}

// limit is the line that a subject has to hold, 0 for none.
func (w *workloadResult) limit(s *subjectResult) float64 {
	if s.Kind != kindStrangler {
		return 0
	}
	if p := w.percent(s); p != nil {
		limit, _ := w.decidedLimits(s.Decided)
		return limit * p.Ratio.CPU
	}
	return w.Line
}

func (c *chart) length(ratio float64) float64 {
	return math.Round(10*ratio/c.most*(chartWidth-chartLeft-chartRight)) / 10
}

func barClass(kind string) string {
	switch kind {
	case kindStrangler:
		return "strangler"
	case kindReverseProxy:
		return "caddy"
	default:
		return "peer"
	}
}

func (c *chart) text(x, y int, class, words string) {
	c.put(`<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, html.EscapeString(words))
}

func (c *chart) put(format string, args ...any) {
	_, _ = fmt.Fprintf(&c.b, format+"\n", args...)
}
