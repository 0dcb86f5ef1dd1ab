package engine

import (
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/telemetry"
)

// ShadowStatus is how comparing goes.
type ShadowStatus struct {
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
	all := ShadowStatus{Routes: []ShadowRoute{}, Book: kept.Status()}
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

// Book is where the evidence of comparing is kept; nil when nothing is compared.
func (e *Engine) Book() *book.Book {
	if e.options.Shadowing == nil {
		return nil
	}
	return e.options.Shadowing.Book
}

// shadowGauges is what the metrics show of comparing.
func (e *Engine) shadowGauges(v *view) (all []telemetry.ShadowState) {
	if e.mirrors == nil {
		return nil
	}
	for _, s := range e.mirrors.Status() {
		state := telemetry.ShadowState{
			Route: s.Route, Buckets: s.Buckets, Queued: s.Queued, InFlight: s.InFlight, Alarm: s.Alarm != "",
			Extra: s.Extra, Again: s.Again, Bytes: s.Bytes,
		}
		if entry := v.table.Entry(s.Route); entry != nil && v.lanes[entry.Index].marked != nil {
			state.Marked = v.lanes[entry.Index].marked.Load()
		}
		all = append(all, state)
	}
	return all
}
