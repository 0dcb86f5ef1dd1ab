package diff

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/textproto"
	"sync"
	"time"
)

// An Answer is one of the two answers that are compared. Nothing of it is
// changed or kept.
type Answer struct {
	Status          int
	Header, Trailer http.Header
	// Body as it came, still in its content encoding.
	Body []byte
	// Truncated says that Body is not whole. Such an answer has no equal.
	Truncated bool
}

// Options are what comparing depends on beside the two answers.
type Options struct {
	// Rules excuse differences; the first that applies counts.
	Rules []Rule
	// Presets are names of rule sets, applied after Rules: see [Presets].
	Presets []string
	// Headers are names of headers to compare beside [DefaultHeaders].
	Headers []string
	// Limits bound the work; its zero fields have defaults.
	Limits Limits
}

// A Comparer compares answers under one set of options. Any number of
// goroutines may use it.
type Comparer struct {
	rules   []compiledRule
	headers []string
	limits  Limits
	print   string
	seed    maphash.Seed
	scratch sync.Pool
}

// New compiles the options. An error names the rule and what to write instead.
func New(o Options) (*Comparer, error) {
	c := &Comparer{limits: o.Limits.withDefaults(), seed: maphash.MakeSeed()}
	rules := o.Rules
	for _, name := range o.Presets {
		preset, ok := presets[name]
		if !ok {
			return nil, fmt.Errorf("%q is no preset: write one of %v", name, Presets())
		}
		rules = append(rules[:len(rules):len(rules)], presetRules(name, preset)...)
	}
	for _, r := range rules {
		compiled, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		c.rules = append(c.rules, compiled)
	}
	c.headers = append(c.headers, defaultHeaders...)
	for _, name := range o.Headers {
		c.headers = append(c.headers, textproto.CanonicalMIMEHeaderKey(name))
	}
	c.print = c.fingerprint()
	c.scratch.New = func() any { return new(walk) }
	return c, nil
}

// Rules are all rules, those of presets too, in the order in which they are
// tried. An [Excuse] points to one of them, so that a caller can tell which were
// never hit.
func (c *Comparer) Rules() []*Rule {
	out := make([]*Rule, len(c.rules))
	for i := range c.rules {
		out[i] = &c.rules[i].Rule
	}
	return out
}

// Fingerprint is the same for comparers that find the same: 16 hexadecimal
// digits over the rules, headers and limits. Who answers for a rule, why and
// until when is not in it, so that a longer term does not make evidence void.
func (c *Comparer) Fingerprint() string { return c.print }

func (c *Comparer) fingerprint() string {
	h := sha256.New()
	for i := range c.rules {
		r := &c.rules[i]
		_, _ = fmt.Fprintf(h, "%q %q %q\n", r.Path, r.Compare, r.Arg)
	}
	_, _ = fmt.Fprintf(h, "%q %v", c.headers, c.limits)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Expired are the rules that do not apply any more: each is a finding, since
// whoever wrote it wanted to look again by then.
func (c *Comparer) Expired(now time.Time) []Rule {
	var out []Rule
	for i := range c.rules {
		if c.rules[i].Expired(now) {
			out = append(out, c.rules[i].Rule)
		}
	}
	return out
}

// Compare holds the service's answer against the monolith's. It never panics,
// and takes no more time and memory than the limits allow, whatever the answers
// hold. now decides which rules have expired.
func (c *Comparer) Compare(monolith, service Answer, now time.Time) Result {
	result := Result{}
	w, _ := c.scratch.Get().(*walk)
	w.begin(c, now, &result)
	err := w.answers(&monolith, &service)
	w.end()
	c.scratch.Put(w)
	if err != nil {
		result.Reason = reasonOf(err)
	}
	switch {
	case result.Total > 0:
		result.Verdict = Different
	case err != nil:
		result.Verdict = NotComparable
	case len(result.Excuses) > 0:
		result.Verdict = EqualByRule
	default:
		result.Verdict = Equal
	}
	c.sortExcuses(&result)
	return result
}

// sortExcuses puts excuses in the order of the rules, so that it does not
// depend on which difference came first.
func (c *Comparer) sortExcuses(result *Result) {
	if len(result.Excuses) < 2 {
		return
	}
	sorted := make([]Excuse, 0, len(result.Excuses))
	for i := range c.rules {
		for _, e := range result.Excuses {
			if e.Rule == &c.rules[i].Rule {
				sorted = append(sorted, e)
			}
		}
	}
	result.Excuses = sorted
}

// begin makes a walk ready; what it holds of the last one is reused.
func (w *walk) begin(c *Comparer, now time.Time, result *Result) {
	w.c, w.now, w.result, w.placed = c, now, result, false
	w.work, w.seen = c.limits.Work, 0
	if w.a == nil {
		w.a, w.b = new(tree), new(tree)
	}
	w.a.now, w.b.now = now, now
	w.fresh()
}

// fresh empties both trees.
func (w *walk) fresh() {
	w.a.reset(&w.c.limits)
	w.b.reset(&w.c.limits)
	w.steps, w.kids = w.steps[:0], w.kids[:0]
}

// end lets go of everything that is not ours.
func (w *walk) end() {
	w.fresh()
	clear(w.steps[:cap(w.steps)])
	w.result = nil
}

// answers compares status, headers, bodies and trailers in this order. Of
// answers of two status classes nothing else is compared: an error page is not
// a wrong answer in every field, it is one difference.
func (w *walk) answers(m, s *Answer) error {
	if m.Status != s.Status {
		if err := w.status(m.Status, s.Status); err != nil || w.result.Total > 0 && m.Status/100 != s.Status/100 {
			return err
		}
	}
	if err := w.headers(m, s); err != nil {
		return err
	}
	// What stands before a body that cannot be compared counts, and so does
	// what stands behind it.
	bodyErr := w.body(m, s)
	w.placed = false
	w.fresh()
	if err := w.trailers(m, s); err != nil {
		return err
	}
	return bodyErr
}

func (w *walk) body(m, s *Answer) error {
	if m.Truncated || s.Truncated {
		return errTruncated
	}
	if len(m.Body) == 0 && len(s.Body) == 0 {
		w.result.Format = formatEmpty
		return nil
	}
	if bytes.Equal(m.Body, s.Body) && sameMedia(m, s) {
		w.result.Format = "identical"
		return nil
	}
	return w.bodies(m, s)
}
