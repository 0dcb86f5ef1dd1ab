package book

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const (
	// maxParts is how many differences of a comparison a sample shows.
	maxParts = 20
	// maxTaken is how many signatures one record may be a sample of: one answer
	// that is wrong everywhere says the same in each.
	maxTaken = 5
)

// publicHeaders of a request are kept: what the client can read, and what it
// sends. None of them says who it is.
var publicHeaders = []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Hx-Request", "X-Requested-With"}

// sampler makes samples of one record.
type sampler struct {
	book   *Book
	route  *route
	era    *era
	record *shadow.Record
	base   *report.Sample // without parts
	taken  int
}

// take keeps the record as a sample of a signature that has room for one. The
// caller holds the route's mu.
func (t *sampler) take(s *signature) {
	b := t.book
	if t.taken >= maxTaken || b.sampleBytes.Load() > b.limits.SampleBytes {
		return
	}
	free := slices.IndexFunc(s.slots, func(x slot) bool { return x.at == 0 })
	if free < 0 {
		if len(s.slots) >= b.limits.Samples {
			return
		}
		s.slots = append(s.slots, slot{})
		free = len(s.slots) - 1
	}
	t.taken++
	data, err := json.Marshal(t.sample(s.Signature.Signature))
	if err != nil {
		b.lost.Add(1) // a defect: a sample is made of text and numbers
		return
	}
	row := &SampleRow{Data: data}
	row.SampleKey = SampleKey{SignatureKey{EraKey{t.record.Route, t.era.Number}, s.Signature.Signature}, free}
	row.At, row.Size = b.now().Unix(), len(data)
	if !b.outbox.add(row, b.limits.PendingBytes) {
		b.lost.Add(1)
		return
	}
	s.slots[free] = slot{row.At, row.Size}
	b.sampleBytes.Add(int64(row.Size))
}

// sample is the record as a sample of a signature.
func (t *sampler) sample(signature string) *report.Sample {
	if t.base == nil {
		t.base = t.describe()
	}
	out := *t.base
	differences := t.record.Result.Differences
	for _, own := range []bool{true, false} {
		for i := range differences {
			if d := &differences[i]; (d.Signature == signature) == own && len(out.Parts) < maxParts {
				out.Parts = append(out.Parts, t.part(d, own))
			}
		}
	}
	out.More = max(0, t.record.Result.Total-len(out.Parts))
	return &out
}

func (t *sampler) part(d *diff.Difference, own bool) report.Part {
	general := generalPath(d)
	open := public(general, d) || slices.Contains(t.route.config.Clear, general)
	part := report.Part{
		Path: safePath(t.book.key, d), Kind: string(d.Kind), Clear: open, Own: own,
		Monolith: leaf(t.book.key, d.Monolith, open), Service: leaf(t.book.key, d.Service, open),
	}
	if d.Lapsed != nil {
		part.Lapsed = d.Lapsed.Path
	}
	return part
}

// describe is everything but the parts.
func (t *sampler) describe() *report.Sample {
	r, key := t.record, t.book.key
	line := target(key, r.Request.Target, t.route.config.Pattern, t.route.config.Clear)
	sample := &report.Sample{
		ID: printable(r.ID, 128), At: r.At, RequestID: printable(r.RequestID, 128), TraceID: printable(r.TraceID, 128),
		Method: method(r.Request.Method), Target: line.hashed, Header: headers(r.Request.Header),
		Body:     body(key, r.Request.Header, r.Request.Body),
		Monolith: side(key, &r.Monolith), Service: side(key, &r.Service),
		Format:   printable(r.Result.Format, 40),
		Expected: structure(key, &r.Monolith.Answer, t.route.config.Clear),
	}
	sample.Curl = curl(sample, line.plain)
	return sample
}

func side(key []byte, s *shadow.Side) report.Side {
	return report.Side{
		Build: printable(s.Build, maxBuild), Status: s.Answer.Status,
		Took: float64(s.Took.Round(10*time.Microsecond)) / float64(time.Millisecond), Cold: s.Cold,
		Body: body(key, s.Answer.Header, s.Answer.Body),
	}
}

// body says what a body is without showing it.
func body(key []byte, header http.Header, content []byte) report.Body {
	if len(content) == 0 {
		return report.Body{}
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	return report.Body{Type: printable(kind, 100), Size: len(content), Hash: hash(key, string(content))}
}

// method is the request's, when it is a token (RFC 9110, section 5.6.2).
func method(m string) string {
	if m == "" || len(m) > 20 || strings.ContainsFunc(m, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return "OTHER"
	}
	return m
}

// headers are those of publicHeaders, without a parameter that may be anything.
func headers(h http.Header) (out []report.Header) {
	for _, name := range publicHeaders {
		if value := printable(strings.Join(h.Values(name), ", "), maxValue); value != "" {
			out = append(out, report.Header{Name: name, Value: value})
		}
	}
	return out
}

// curl is a command for a POSIX shell that asks again. What comes from the
// request stands within single quotes, where nothing but their end has a meaning.
func curl(s *report.Sample, target string) string {
	var b strings.Builder
	b.WriteString("curl --globoff -sS -i -X " + quote(s.Method))
	for _, h := range s.Header {
		b.WriteString(" -H " + quote(h.Name+": "+h.Value))
	}
	if s.Body.Size > 0 {
		b.WriteString(" --data-binary @request-body")
	}
	b.WriteString(` "$SERVICE"` + quote(target))
	return b.String()
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
