package engine

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Shadowing is what it takes to compare the answers of routes that say shadow.
type Shadowing struct {
	// Book keeps what comes of it. Required. The caller closes it after the engine.
	Book *book.Book
	// Key is the secret of the hash that samples. Nil: a random one.
	Key []byte
	// Bytes bounds all copies of requests and answers together, Queue how many
	// requests of one route may wait. Zero: the defaults of package shadow.
	Bytes int64
	Queue int
	// Reserve trades memory for fewer runs of the garbage collector, see
	// [shadow.Options].
	Reserve bool
}

// startShadowing makes the mirrors; without a book there are none.
func (e *Engine) startShadowing() error {
	s := e.options.Shadowing
	if s == nil {
		return nil
	}
	if s.Book == nil {
		return errors.New("engine: shadowing needs a book to record in")
	}
	mirrors, err := shadow.New(shadow.Options{
		Recorder: s.Book, Logger: e.log, Now: e.now, Key: s.Key, Bytes: s.Bytes, Queue: s.Queue, Reserve: s.Reserve,
		Connect: connectShadow, Alarm: s.Book.Alarm, Learned: s.Book.Learned, Stops: &stops{e.ledger, e.log},
		Worked: func(route string, took time.Duration) { e.telemetry.Compared(context.Background(), route, took) },
		Outgoing: func(method, host string, h http.Header, c shadow.Client) http.Header {
			return proxy.Outgoing(method, host, h, proxy.Client(c))
		},
	})
	if err != nil {
		return err
	}
	e.mirrors, e.marks = mirrors, map[string]*atomic.Uint64{}
	e.finish = append(e.finish, mirrors.Close)
	return nil
}

// connectShadow makes connections to a shadow. The budget of what is mirrored does
// not count an answer's head before all of it is there.
func connectShadow(url string) (shadow.Connections, error) {
	return proxy.NewConnections(url, proxy.Limits{Idle: 32, Head: 256 << 10})
}

// mirror gives the lanes of a plan their mirrors. On an error nothing has changed.
func (e *Engine) mirror(p *plan) error {
	if e.mirrors == nil {
		return nil
	}
	var settings []shadow.Settings
	var known []book.Route
	for _, entry := range p.table.Routes() {
		if s, mirrored := shadowSettings(p.table.Document(), entry); mirrored {
			e.identity.introduce(&s, entry.Route, p.lanes[entry.Index].papers)
			settings = append(settings, s)
			route, err := bookRoute(entry.Route, &s)
			if err != nil {
				return err
			}
			known = append(known, route)
		}
	}
	if err := e.mirrors.Apply(settings); err != nil {
		return err
	}
	p.known = known
	for _, s := range settings {
		l := &p.lanes[p.table.Entry(s.Route).Index]
		l.mirror, l.marked = e.mirrors.Route(s.Route), e.marked(s.Route)
	}
	return nil
}

// configureBook tells the book what the table in force says. An engine that does
// not lead does not: the configuration it is of may be refused in the end.
func (e *Engine) configureBook(p *plan) {
	if leads := e.options.Leads; p != nil && e.mirrors != nil && (leads == nil || leads()) {
		e.options.Shadowing.Book.Configure(p.known)
	}
}

// marked counts the requests of a route that said they were a shadow's. The
// caller holds loading.
func (e *Engine) marked(route string) *atomic.Uint64 {
	if e.marks[route] == nil {
		e.marks[route] = new(atomic.Uint64)
	}
	return e.marks[route]
}

// shadowSettings are how a route is mirrored; false when it is not.
func shadowSettings(doc *routes.Document, entry *routes.Entry) (settings shadow.Settings, mirrored bool) {
	r := entry.Route
	s := r.Shadow
	if s == nil || shadowOf(r) == "" {
		return settings, false
	}
	settings = shadow.Settings{
		Route: r.Name, Reverse: s.Reverse, Sample: s.Sample, Chosen: s.Again, DryRun: s.Unsafe == routes.UnsafeDryRun,
		Monolith: shadowTarget(doc, doc.Monolith), Service: shadowTarget(doc, shadowOf(r)), Control: shadowTarget(doc, s.Control),
		Timeout: s.Timeout, InFlight: s.InFlight, Body: int(s.Body), Silence: s.Silence, Compare: CompareOptions(s),
		KeepCookies: s.KeepCookies, KeepHeaders: s.KeepHeaders,
	}
	if r.Rewrite != "" {
		settings.Rewrite = entry.Rewrite
	}
	return settings, true
}

// shadowOf is the service whose answers are compared; empty when there is none.
func shadowOf(r *routes.Route) string {
	if r.Shadow.Target != "" && !r.Shadow.Reverse {
		return r.Shadow.Target
	}
	return r.Service
}

func shadowTarget(doc *routes.Document, name string) shadow.Target {
	t := doc.Targets[name]
	if t == nil {
		return shadow.Target{}
	}
	return shadow.Target{Name: name, URLs: t.URLs, Build: t.Build}
}

// bookRoute is what the book must know of a route.
func bookRoute(r *routes.Route, s *shadow.Settings) (book.Route, error) {
	comparer, err := diff.New(s.Compare)
	if err != nil {
		return book.Route{}, err
	}
	known := book.Route{
		Name: r.Name, Owner: r.Owner, Pattern: r.Match, Rules: comparer.Rules(),
		Fingerprint: comparer.Fingerprint(), Sides: s.Sides(),
		Monolith: book.Target{Name: s.Monolith.Name, Build: s.Monolith.Build}, Service: book.Target{Name: s.Service.Name, Build: s.Service.Build},
		Control: s.Control.Name,
		Clear:   r.Shadow.Clear, Silence: r.Shadow.Silence,
	}
	if r.Rollout != nil {
		known.Compared = r.Rollout.Gates.Compared
		known.MismatchBelow = float64(r.Rollout.Gates.MismatchBelow) / float64(routes.One)
	}
	return known, nil
}

// mirrored is one request's part in comparing.
type mirrored struct {
	*shadow.Exchange
	marked bool // came as a shadow's, or says so
}

// sample decides whether a request is mirrored; of a route without a shadow none
// is. Whoever says that it came as a shadow's is believed, or two servers that are
// each other's shadow would never end; so it is counted, what says it is gone, and
// whoever said so is told in the answer's header.
func (m *mirrored) sample(l *lane, header http.Header, r *http.Request, c *proxy.Client, result *Result, start time.Time) {
	if l.mirror == nil {
		return
	}
	if m.marked {
		l.marked.Add(1)
		header[shadow.NotMirroredHeader] = []string{shadow.NotMirrored}
	}
	m.Exchange = l.mirror.Sample(r, &shadow.Arrival{
		RequestID: result.RequestID, TraceID: result.TraceID, At: start, Arm: result.Decision.Arm,
		Marked: m.marked, Client: shadow.Client(*c), Principal: result.pass.value,
	})
}

// of is the request whose body is copied as it is read: r itself when nothing is
// mirrored.
func (m *mirrored) of(r *http.Request) *http.Request {
	if m.Exchange == nil || r.Body == nil || r.Body == http.NoBody {
		return r
	}
	copied := r.WithContext(r.Context())
	copied.Body = m.Body(r.Body)
	return copied
}

// end says how the request ended, as its client saw it.
func (m *mirrored) end(result *Result, err error) {
	if m.Exchange == nil {
		return
	}
	ending := shadow.Ending{Arm: result.Outcome.Arm}
	if err != nil {
		if ending.Failure = kindOf(err); ending.Failure == "" {
			ending.Failure = "canceled"
		}
	}
	m.End(ending)
}
