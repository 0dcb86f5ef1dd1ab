package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/replay"
)

// compare takes over how a route of a table compares.
func (f *replayFlags) compare(o *replay.Options) (*routes.Table, error) {
	table, err := loadTable(f.table)
	if err != nil {
		return nil, err
	}
	entry := table.Entry(f.route)
	switch {
	case entry == nil:
		return nil, &failure{code: ExitError, err: fmt.Errorf("%s has no route %q", f.table, f.route), hint: "all routes: strangler routes list --routes " + f.table}
	case entry.Route.Shadow == nil:
		return nil, notShadowed(f.route, "add to the route in "+f.table+":\n  shadow: {}")
	}
	compare := engine.CompareOptions(entry.Route.Shadow)
	o.Compare = &compare
	return table, nil
}

// choose leaves those out that are of another host or route.
func (f *replayFlags) choose(table *routes.Table, all []replay.Exchange) (chosen []replay.Exchange, left int) {
	chosen = slices.DeleteFunc(slices.Clone(all), func(x replay.Exchange) bool {
		return x.Case == nil && (!f.ofHost(&x, all) || table != nil && !f.matches(table, &x))
	})
	return chosen, len(all) - len(chosen)
}

// ofHost tells whether a request is of the host that is asked for, with or without
// the port that every server has anyway.
func (f *replayFlags) ofHost(x *replay.Exchange, all []replay.Exchange) bool {
	host := cmp.Or(f.host, all[0].Host)
	bare := strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
	return strings.EqualFold(x.Host, host) || strings.EqualFold(x.Host, bare)
}

// nothing says what kept everything from being chosen.
func (f *replayFlags) nothing(name string, all []replay.Exchange) error {
	if slices.ContainsFunc(all, func(x replay.Exchange) bool { return x.Case != nil || f.ofHost(&x, all) }) {
		return &failure{code: ExitError, err: fmt.Errorf("%s has no request that the route %s matches", name, f.route),
			hint: "which route a request gets: strangler routes explain METHOD URL --routes " + f.table}
	}
	var hosts []string
	for i := range all {
		if host := all[i].Host; !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	const most = 5
	has := strings.Join(hosts[:min(most, len(hosts))], ", ")
	if len(hosts) > most {
		has += fmt.Sprintf(" and %d more", len(hosts)-most)
	}
	return &failure{code: ExitError, err: fmt.Errorf("%s has nothing of the host %s", name, f.host), hint: "it has: " + has}
}

// ended is how a replay ends, by what it came to.
func (f *replayFlags) ended(r *replay.Result) error {
	switch {
	case r.Interrupted:
		return fmt.Errorf("interrupted after %d of %d", r.Replayed+r.NotSent, r.Exchanges)
	case r.Unanswered():
		return &failure{code: ExitUnreachable, err: fmt.Errorf("no answer to any of %d requests; %s", r.Replayed, r.Notes[0].Why), hint: "is it listening there?"}
	case f.failing && !r.Clean():
		return errFindings
	case r.Replayed == 0:
		return &failure{code: ExitError, err: errors.New("nothing was sent")}
	}
	return nil
}

// matches tells whether a request is the route's.
func (f *replayFlags) matches(table *routes.Table, x *replay.Exchange) bool {
	target, err := url.ParseRequestURI(x.Target)
	if err != nil {
		return false
	}
	match := table.Match(&routes.Request{
		Method: x.Method, Host: x.Host, Path: target.Path, RawPath: target.RawPath, RawQuery: target.RawQuery, Header: x.Header,
	})
	return match.Entry != nil && match.Entry.Route.Name == f.route
}
