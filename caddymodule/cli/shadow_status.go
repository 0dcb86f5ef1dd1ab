package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/shadow/report"
)

func shadowStatus() *cobra.Command {
	var f shadowFlags
	cmd := command("status", "Shows how comparing goes",
		"Shows how comparing goes, route by route: the verdict, how many comparisons it rests on and how many are missing, and what keeps requests from being compared.\n"+
			"With --route also where the sampled requests of this process ended.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			server, err := f.open()
			if err != nil {
				return err
			}
			var now engine.ShadowStatus
			if err := server.get(ctx, admin.PathShadow, &now); err != nil {
				return err
			}
			if f.route != "" {
				now.Routes = slices.DeleteFunc(now.Routes, func(r engine.ShadowRoute) bool { return r.Route != f.route })
				if len(now.Routes) == 0 {
					return f.explain(ctx, server, notShadowed(f.route, ""))
				}
			}
			if t.json {
				return t.printJSON(now)
			}
			printShadow(t, &now, f.route != "")
			return nil
		})
	f.add(cmd)
	return cmd
}

func printShadow(t *terminal, now *engine.ShadowStatus, whole bool) {
	printBook(t, now)
	if len(now.Routes) == 0 {
		t.line("no route has a shadow; to compare answers, add to a route of the table: shadow: {}")
		return
	}
	rows := make([][]cell, 0, len(now.Routes))
	for i := range now.Routes {
		r := &now.Routes[i]
		v := &r.Verdict
		togo := toGo(v)
		row := cells(r.Route, r.Shadow, "", report.Number(v.Compared), report.Number(v.Mismatched), share(v.Upper), report.Number(v.Gate.Compared)+", below "+share(v.Gate.MismatchBelow), togo, moment(v.LastCompared))
		row[2] = verdict(v.State)
		rows = append(rows, row)
	}
	t.table([]string{"ROUTE", "SHADOW", "VERDICT", "COMPARED", "MISMATCHES", "AT MOST", "GATE", "TO GO", "LAST COMPARED"}, rows)
	for i := range now.Routes {
		printShadowRoute(t, &now.Routes[i], whole)
	}
}

// toGo is what is still to be compared; of a verdict that fails waiting is no help.
func toGo(v *report.Verdict) string {
	var wants []string
	if v.Needed > 0 {
		wants = append(wants, report.Number(v.Needed)+" more")
	}
	if v.NeededPairs > 0 {
		wants = append(wants, report.Counted(v.NeededPairs, "more pair"))
	}
	if v.State == report.Failing {
		return ""
	}
	return strings.Join(wants, ", ")
}

func printBook(t *terminal, now *engine.ShadowStatus) {
	if now.Book.Notice != "" {
		t.styled(red, "EVIDENCE: %s", now.Book.Notice)
	}
	if now.Book.Failures > 0 {
		t.styled(red, "EVIDENCE is not stored since %s attempts, it goes on in memory: %s", report.Number(now.Book.Failures), now.Book.LastError)
	}
}

func verdict(s report.State) cell {
	switch s {
	case report.Met:
		return cell{s.Words(), green}
	case report.NotYet:
		return cell{s.Words(), yellow}
	default:
		return cell{s.Words(), red}
	}
}

// printShadowRoute says what is behind the verdict of one route.
func printShadowRoute(t *terminal, r *engine.ShadowRoute, whole bool) {
	if r.Alarm != "" {
		t.styled(red, "%s: ALARM since %s: %s", r.Route, moment(r.Since), r.Alarm)
	}
	if r.Idle != "" {
		t.styled(yellow, "%s: nothing can be compared now: %s", r.Route, r.Idle)
	}
	if r.Verdict.RestsOn != "" {
		t.styled(yellow, "%s: %s", r.Route, r.Verdict.RestsOn)
	}
	if r.Verdict.Idle != "" {
		t.line("%s: idle: %s", r.Route, r.Verdict.Idle)
	}
	for _, reason := range r.Verdict.Reasons {
		t.line("%s: %s", r.Route, reason)
	}
	if text := unmirrored(r.Route, r.Shadow, &r.Proof); text != "" {
		t.styled(yellow, "%s", text)
	}
	if r.Second.Failed > 0 {
		t.styled(yellow, "%s", unheard(r.Route, &r.Second))
	}
	if r.GivesWay {
		t.styled(yellow, "%s: comparing gives way to clients, who need the cores: what waits too long is not compared (queue, late)", r.Route)
	}
	if !whole {
		return
	}
	t.line("%s: of %s requests since the start %s were sampled, %s more for being rare; %s being served, %s queued, %s being asked",
		r.Route, report.Number(r.Seen), report.Number(r.Sampled), report.Number(r.Extra), report.Number(r.Open), report.Number(r.Queued), report.Number(r.InFlight))
	var ended []string
	for _, name := range slices.Sorted(maps.Keys(r.Buckets)) {
		if n := r.Buckets[name]; n > 0 {
			ended = append(ended, name+" "+report.Number(n))
		}
	}
	if len(ended) > 0 {
		t.line("%s: they ended as %s", r.Route, strings.Join(ended, ", "))
	}
	if r.Marked > 0 {
		t.line("%s: %s requests said that they were a shadow's and were not mirrored: this server is the shadow of another one or of itself, or a client says so", r.Route, report.Number(r.Marked))
	}
}
