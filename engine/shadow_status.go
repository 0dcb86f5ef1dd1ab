package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/telemetry"
)

// ShadowStatus is how comparing goes.
type ShadowStatus struct {
	// Version and At are as a report's.
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	// Routes are those of the running table that have a shadow, in its order.
	Routes []ShadowRoute `json:"routes"`
	// Book is how what comes of it is kept.
	Book book.Status `json:"book"`
}

// ShadowRoute is how comparing one route goes.
type ShadowRoute struct {
	shadow.Status

	// Shadow names the target that is asked beside.
	Shadow string `json:"shadow"`
	// Verdict is what the evidence says.
	Verdict report.Verdict `json:"verdict"`
	// Idle says why nothing can be compared now; empty when something can.
	Idle string `json:"idle,omitempty"`
	// Marked is how many requests said that they were a shadow's, and so were not
	// mirrored.
	Marked uint64 `json:"marked"`
}

// ShadowStatus says how comparing goes. It is refused with ErrNoTable, and with
// ErrNoShadowing when the engine compares nothing.
func (e *Engine) ShadowStatus() (ShadowStatus, error) {
	v := e.view.Load()
	switch {
	case e.mirrors == nil:
		return ShadowStatus{}, ErrNoShadowing
	case v == nil:
		return ShadowStatus{}, ErrNoTable
	}
	kept := e.options.Shadowing.Book
	all := ShadowStatus{Version: report.Version, At: e.now().UTC(), Routes: []ShadowRoute{}, Book: kept.Status()}
	going := map[string]shadow.Status{}
	for _, status := range e.mirrors.Status() {
		going[status.Route] = status
	}
	for _, entry := range v.table.Routes() {
		if v.lanes[entry.Index].mirror == nil {
			continue
		}
		one := ShadowRoute{
			Status: going[entry.Route.Name], Shadow: askedBeside(v.table.Document(), entry.Route).Name,
			Verdict: kept.Verdict(entry.Route.Name), Marked: v.lanes[entry.Index].marked.Load(),
		}
		now := v.routeStatus(entry, e.now())
		one.Idle = idle(entry.Route, &now)
		all.Routes = append(all.Routes, one)
	}
	return all, nil
}

// ShadowSummary is one route's ShadowRoute in a line.
type ShadowSummary struct {
	Route string `json:"route"`
	// Shadow names the target that is asked beside.
	Shadow string `json:"shadow"`
	// Sampled is how many requests were since this process began, Compared and
	// Mismatched what the verdict rests on.
	Sampled    uint64       `json:"sampled"`
	Compared   uint64       `json:"compared"`
	Mismatched uint64       `json:"mismatched"`
	Verdict    report.State `json:"verdict"`
	// RestsOn is as in a report's verdict.
	RestsOn string `json:"rests_on,omitempty"`
	// Alarm says why nothing is compared; empty while all is well.
	Alarm string `json:"alarm,omitempty"`
	// Proof says whether requests that may change something are mirrored, Second how
	// the monolith's second answers come.
	Proof  shadow.Proof  `json:"proof"`
	Second shadow.Second `json:"second_answers"`
}

func (e *Engine) shadowSummaries(v *view) (all []ShadowSummary) {
	if e.mirrors == nil {
		return nil
	}
	for _, entry := range v.table.Routes() {
		if m := v.lanes[entry.Index].mirror; m != nil {
			now, says := m.Status(), e.options.Shadowing.Book.Verdict(entry.Route.Name)
			all = append(all, ShadowSummary{
				Route: entry.Route.Name, Shadow: askedBeside(v.table.Document(), entry.Route).Name,
				Sampled: now.Sampled, Compared: says.Compared, Mismatched: says.Mismatched,
				Verdict: says.State, RestsOn: says.RestsOn, Alarm: now.Alarm, Proof: now.Proof, Second: now.Second,
			})
		}
	}
	return all
}

// idle is why no request of a route is compared as long as it stays as it is.
func idle(r *routes.Route, now *RouteStatus) string {
	switch {
	case now.Decides == DecidesFlag:
		return "" // request by request
	case !r.Shadow.Reverse && now.Effective == routes.One:
		return "every request goes to the service; reverse: true compares its answers with the monolith"
	case r.Shadow.Reverse && now.Effective == 0:
		return "with reverse only what the service serves is compared, and it serves nothing"
	}
	return ""
}

// shadowGauges is what the metrics show of comparing.
func (e *Engine) shadowGauges(v *view) (all []telemetry.ShadowState) {
	if e.mirrors == nil {
		return nil
	}
	for _, s := range e.mirrors.Status() {
		state := telemetry.ShadowState{
			Route: s.Route, Buckets: s.Buckets, Queued: s.Queued, InFlight: s.InFlight, Alarm: s.Alarm != "",
			Extra: s.Extra, Again: s.Again, Unanswered: s.Second.Failed, Bytes: s.Bytes,
		}
		if entry := v.table.Entry(s.Route); entry != nil && v.lanes[entry.Index].marked != nil {
			state.Marked = v.lanes[entry.Index].marked.Load()
		}
		all = append(all, state)
	}
	return all
}

// ShadowReport is what comparing came to, of all routes or of those named. It is
// refused with ErrNoShadowing and, for a route of which nothing is known, with
// book.ErrUnknownRoute.
func (e *Engine) ShadowReport(ctx context.Context, names ...string) (*report.Report, error) {
	if e.mirrors == nil {
		return nil, ErrNoShadowing
	}
	return e.options.Shadowing.Book.Report(ctx, names...)
}

// ShadowSamples are the samples that are kept of an era of a route, 0 for the present
// one, or of one signature of it, at most limit. It is refused with ErrNoShadowing and
// as book.Book.Kept is.
func (e *Engine) ShadowSamples(ctx context.Context, route, signature string, era uint64, limit int) (report.Of[report.RouteSamples], error) {
	all := report.Of[report.RouteSamples]{Version: report.Version, At: e.now().UTC()}
	if e.mirrors == nil {
		return all, ErrNoShadowing
	}
	kept, err := e.options.Shadowing.Book.Kept(ctx, route, signature, era, limit)
	all.Routes = []report.RouteSamples{{Route: route, Era: era, Samples: kept}}
	return all, err
}

// ResetShadow begins a route's evidence anew. It is recorded in the journal, and
// who and why stand in the report too, as the cause of the era that begins; what was
// before stays there as an earlier one. With Act.DryRun nothing happens, and the answer
// is the route as it is. It is refused with ErrNoShadowing, with book.ErrUnknownRoute, and
// as rollout.Ledger.Note is.
func (e *Engine) ResetShadow(ctx context.Context, route string, a rollout.Act) (ShadowRoute, error) {
	if e.mirrors == nil {
		return ShadowRoute{}, ErrNoShadowing
	}
	kept := e.options.Shadowing.Book
	if !kept.Knows(route) {
		return ShadowRoute{}, fmt.Errorf("%s: %w", route, book.ErrUnknownRoute)
	}
	if _, err := e.ledger.Note(ctx, route, rollout.VerbShadowReset, a); err != nil {
		return ShadowRoute{}, err
	}
	if !a.DryRun {
		if err := kept.Reset(route, a.By, a.Reason); err != nil {
			return ShadowRoute{}, err
		}
	}
	return e.shadowRoute(route)
}
