package admin

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
)

// Document is a route table with the field names of its own language, so that
// what the API answers reads like the file.
type Document struct {
	Hash     string            `json:"hash"`
	Monolith string            `json:"monolith"`
	Targets  map[string]Target `json:"targets"`
	Routes   []Route           `json:"routes"`
}

// Target is a target of a Document. What the table leaves to the default is
// left out.
type Target struct {
	URL         []string          `json:"url,omitempty"`
	Owner       string            `json:"owner,omitempty"`
	Docs        string            `json:"docs,omitempty"`
	Timeouts    map[string]string `json:"timeouts,omitempty"`
	MaxInFlight int               `json:"max_in_flight,omitempty"`
	Breaker     map[string]string `json:"breaker,omitempty"`
	Build       string            `json:"build,omitempty"`
}

// Route is a route of a Document.
type Route struct {
	Name    string   `json:"name"`
	Match   string   `json:"match"`
	Methods []string `json:"methods,omitempty"`
	When    *When    `json:"when,omitempty"`
	Owner   string   `json:"owner,omitempty"`
	Docs    string   `json:"docs,omitempty"`
	Service string   `json:"service,omitempty"`
	Sticky  string   `json:"sticky,omitempty"`
	Percent *float64 `json:"percent,omitempty"`
	Rollout *Rollout `json:"rollout,omitempty"`
	Flag    string   `json:"flag,omitempty"`
	// PinAfterFailure is empty for not at all.
	PinAfterFailure string   `json:"pin_after_failure,omitempty"`
	Cohort          string   `json:"cohort,omitempty"`
	Rewrite         string   `json:"rewrite,omitempty"`
	Timeout         string   `json:"timeout,omitempty"`
	Fallback        []string `json:"fallback,omitempty"`
	Shadow          *Shadow  `json:"shadow,omitempty"`
	Writes          []string `json:"writes,omitempty"`
	// Line is where the route starts in the file.
	Line int `json:"line"`
}

// When holds a route's conditions, each as {"exact": "text"} and so on.
type When struct {
	Headers map[string]map[string]string `json:"headers,omitempty"`
	Query   map[string]map[string]string `json:"query,omitempty"`
	Cookies map[string]map[string]string `json:"cookies,omitempty"`
}

// RouteAndState is a route and how much of it goes to its service now.
type RouteAndState struct {
	Route
	State *engine.RouteStatus `json:"state,omitempty"`
}

// DocumentOf is a table's document.
func DocumentOf(table *routes.Table) Document {
	source := table.Document()
	doc := Document{
		Hash: source.Hash, Monolith: source.Monolith,
		Targets: make(map[string]Target, len(source.Targets)),
		Routes:  make([]Route, 0, len(source.Routes)),
	}
	for name, t := range source.Targets {
		doc.Targets[name] = targetOf(t)
	}
	for _, r := range source.Routes {
		doc.Routes = append(doc.Routes, routeOf(r))
	}
	return doc
}

func targetOf(t *routes.Target) Target {
	target := Target{URL: t.URLs, Owner: t.Owner, Docs: t.Docs, MaxInFlight: t.MaxInFlight, Build: t.Build}
	target.Timeouts = durations(map[string]time.Duration{
		"dial": t.Timeouts.Dial, "first_byte": t.Timeouts.FirstByte, "idle": t.Timeouts.Idle,
	})
	target.Breaker = durations(map[string]time.Duration{"open_for": t.Breaker.OpenFor})
	if t.Breaker.Failures > 0 {
		target.Breaker["failures"] = strconv.Itoa(t.Breaker.Failures)
	}
	return target
}

func durations(all map[string]time.Duration) map[string]string {
	given := map[string]string{}
	for name, d := range all {
		if d != 0 {
			given[name] = d.String()
		}
	}
	return given
}

func routeOf(r *routes.Route) Route {
	route := Route{
		Name: r.Name, Match: r.Match, Methods: r.Methods, Owner: r.Owner, Docs: r.Docs,
		Service: r.Service, Cohort: r.Cohort, Rewrite: r.Rewrite, Writes: r.Writes, Line: r.Line,
		Shadow: shadowOf(r.Shadow),
	}
	if r.When.Count() > 0 {
		route.When = &When{
			Headers: conditions(r.When.Headers), Query: conditions(r.When.Query), Cookies: conditions(r.When.Cookies),
		}
	}
	if r.Service == "" {
		return route
	}
	route.Sticky, route.Fallback = r.Sticky.String(), fallbackWords(r.Fallback)
	route.Rollout, route.Flag = rolloutOf(r.Rollout), r.Flag
	if r.PinAfterFailure > 0 {
		route.PinAfterFailure = r.PinAfterFailure.String()
	}
	if r.Percent != nil {
		percent := r.Percent.Percent()
		route.Percent = &percent
	}
	if r.Timeout > 0 {
		route.Timeout = r.Timeout.String()
	}
	return route
}

var conditionWords = [...]string{
	routes.Exact: "exact", routes.Prefix: "prefix", routes.Regexp: "regexp",
	routes.Present: "present", routes.Absent: "present",
}

func conditions(all map[string]routes.Condition) map[string]map[string]string {
	if len(all) == 0 {
		return nil
	}
	shown := make(map[string]map[string]string, len(all))
	for name, c := range all {
		text := c.Text
		switch c.Kind {
		case routes.Present:
			text = "true"
		case routes.Absent:
			text = "false"
		default:
		}
		shown[name] = map[string]string{conditionWords[c.Kind]: text}
	}
	return shown
}

func fallbackWords(f routes.Fallback) []string {
	var words []string
	for _, word := range []struct {
		on   bool
		text string
	}{{f.Connect, "connect"}, {f.Error, "error"}, {f.Timeout, "timeout"}} {
		if word.on {
			words = append(words, word.text)
		}
	}
	for _, status := range f.Status {
		words = append(words, strconv.Itoa(status))
	}
	return words
}

// ConditionsOf are a route's conditions as one line each has them.
func (w *When) ConditionsOf() []string {
	if w == nil {
		return nil
	}
	var lines []string
	for _, kind := range []struct {
		name string
		all  map[string]map[string]string
	}{{"header", w.Headers}, {"query", w.Query}, {"cookie", w.Cookies}} {
		for _, name := range slices.Sorted(maps.Keys(kind.all)) {
			for test, text := range kind.all[name] {
				lines = append(lines, kind.name+" "+name+" "+test+" "+strconv.Quote(text))
			}
		}
	}
	return lines
}
