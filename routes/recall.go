package routes

import "time"

// Source is where a condition's value comes from: a header, a parameter of the
// query or a cookie. Sources of two tables are equal when they are the same.
type Source struct{ source }

// String is the source in words, such as "header X-Tenant".
func (s Source) String() string {
	return [...]string{fromHeader: "header ", fromQuery: "parameter ", fromCookie: "cookie "}[s.kind] + s.name
}

// Header is the header's name; empty for a parameter or a cookie.
func (s Source) Header() string {
	if s.kind != fromHeader {
		return ""
	}
	return s.name
}

// Cookie says whether it is a cookie.
func (s Source) Cookie() bool { return s.kind == fromCookie }

// Name is the name of the header, parameter or cookie.
func (s Source) Name() string { return s.name }

// Read is what the request has at the source. It allocates only for a parameter
// that was sent encoded.
func (s Source) Read(r *Request) Value {
	v := s.value(r)
	return Value{State: ValueState(v.state), Text: v.text}
}

// Value is what a request has at a source.
type Value struct {
	State ValueState
	// Text is the value when State is ValueSingle.
	Text string
}

// ValueState says how often a value is there.
type ValueState uint8

// The states of a value.
const (
	ValueMissing  = ValueState(missing)
	ValueSingle   = ValueState(single)   // once, or more than once with the same text
	ValueSeveral  = ValueState(several)  // more than once with different texts
	ValueDoubtful = ValueState(doubtful) // servers may disagree whether it is there, or what it is
)

// Sources are the values that the table's conditions ask for, each once, in the
// order of the document.
func (t *Table) Sources() []Source {
	all := make([]Source, len(t.sources))
	for i, s := range t.sources {
		all[i] = Source{s}
	}
	return all
}

// Recalled is what is remembered of a request's value at a source. The zero
// value is nothing.
type Recalled struct {
	// Known is false when nothing is remembered.
	Known bool
	Value Value
	// Is says whether a single value was that text. When it is not nil,
	// Value.Text is not known.
	Is func(text string) bool
}

// MatchRecalled is Match for a request of the past: of r, Header and RawQuery
// are not read; recall answers what is remembered of them. When the outcome
// depends on what is not remembered, unknown is the source. It is not for the
// request path: routes of one pattern are asked one after the other.
func (t *Table) MatchRecalled(r *Request, recall func(Source) Recalled) (m Match, unknown *Source) {
	w := walk{table: t, request: *r, recall: &recalling{of: recall}}
	m = w.run()
	return m, w.recall.unknown
}

// recalling makes a walk ask what is remembered.
type recalling struct {
	of      func(Source) Recalled
	unknown *Source
}

// pickRecalled is pick by what is remembered.
func (w *walk) pickRecalled(c *choice) bool {
	for _, e := range c.entries {
		v, unknown := w.recall.verdict(w.table, e)
		switch {
		case v == fails:
			continue
		case unknown != nil:
			w.match, w.recall.unknown = Match{}, unknown
		case v == unclear:
			w.match = Match{Reason: ReasonAmbiguousCondition}
		default:
			w.match = Match{Entry: e}
		}
		return true
	}
	return false
}

// verdict says whether all conditions of e held. One that failed settles it,
// even beside one that is not known.
func (c *recalling) verdict(t *Table, e *Entry) (sum verdict, unknown *Source) {
	sum = holds
	for i := range e.tests {
		source := Source{t.sources[e.tests[i].source]}
		v, known := e.tests[i].recalled(c.of(source))
		switch {
		case !known:
			unknown = &source
		case v == fails:
			return fails, nil
		case v == unclear:
			sum = unclear
		}
	}
	return sum, unknown
}

// recalled says whether the condition held, as far as that is known.
func (t *test) recalled(r Recalled) (v verdict, ok bool) {
	if !r.Known {
		return fails, false
	}
	if r.Is == nil || r.Value.State != ValueSingle || t.Kind == Present || t.Kind == Absent {
		return t.verdict(value{state: valueState(r.Value.State), text: r.Value.Text}), true
	}
	if t.Kind != Exact {
		return fails, false
	}
	return known(r.Is(t.Text)), true
}

// DecideRecalled is Decide for a request of which the bucket is remembered
// instead of the key; f.Key is not read. NoBucket is a request without a key.
func DecideRecalled(f Facts, bucket PPM, now time.Time) Decision {
	d, settled := settle(f.Match, f.State, now)
	switch {
	case settled:
	case f.Match.Entry.Route.Flag != "":
		d.Arm, d.Reason = f.Flag.arm()
	case bucket == NoBucket:
		d.Reason = ReasonNoKey
	default:
		d.split(bucket)
	}
	return d
}
