package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// rolloutReport is what rollout status prints as JSON: what the server says of its
// rollouts and of itself.
type rolloutReport struct {
	engine.RolloutStatus
	Server engine.Status `json:"server"`
}

func rolloutStatus() *cobra.Command {
	var flags serverFlags
	var all, check bool
	cmd := command("status [ROUTE]", "Shows how much of each route goes to its service",
		"Shows how much of each route goes to its service, who said so and why, and whether anything is wrong: the brake, a refused table, a store that does not answer, a breaker that is open.\n"+
			"Of a rollout: its step, when the next one may begin and what it waits for, and each guard's verdict (pass, fail, not enough data, could not measure) with its counts.",
		cobra.MaximumNArgs(1), func(ctx context.Context, t *terminal, args []string) error {
			server, err := flags.open()
			if err != nil {
				return err
			}
			var now rolloutReport
			if err := server.get(ctx, admin.PathStatus, &now.Server); err != nil {
				return err
			}
			if err := server.get(ctx, admin.PathRollout, &now.RolloutStatus); err != nil {
				return err
			}
			if len(args) == 1 {
				all = true
				if err := now.only(args[0]); err != nil {
					return err
				}
			}
			if t.json {
				if err := t.printJSON(now); err != nil {
					return err
				}
			} else {
				now.print(t, all)
			}
			if check && now.wrong() {
				return errFindings
			}
			return nil
		})
	flags.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also routes that have no service yet")
	cmd.Flags().BoolVar(&check, "check", false, "end with exit code 3 when the brake is on, the table or flags are refused, the store does not answer or has not taken all, sessions cannot be looked up, or no key signs tokens")
	cmd.ValidArgsFunction = completeRoutes(&flags, anyRoute)
	return cmd
}

// wrong says whether the server as a whole does not do what it was told. What a
// route does is not asked: a hold or an open breaker is at work, not broken.
func (r *rolloutReport) wrong() bool {
	store := r.Server.Store
	return r.Brake != nil || r.Server.Refused != nil || !store.Known || store.Error != "" || store.Unsaved > 0 || r.flagsRefused() || r.sessionsFail()
}

func (r *rolloutReport) sessionsFail() bool {
	i := r.Server.Identity
	return i != nil && (i.Sessions.Store != "ok" || !i.NoTokensUntil.IsZero())
}

func (r *rolloutReport) flagsRefused() bool {
	if r.Server.Flags == nil {
		return false
	}
	for _, source := range r.Server.Flags.Sources {
		if source.Refused != "" {
			return true
		}
	}
	return false
}

// only leaves one route.
func (r *rolloutReport) only(name string) error {
	r.Server.Shadows = slices.DeleteFunc(r.Server.Shadows, func(s engine.ShadowSummary) bool { return s.Route != name })
	names := make([]string, len(r.Routes))
	for i := range r.Routes {
		if names[i] = r.Routes[i].Route; names[i] == name {
			r.Routes = r.Routes[i : i+1]
			return nil
		}
	}
	return noRoute(name, names...)
}

func (r *rolloutReport) print(t *terminal, all bool) {
	if brake := r.Brake; brake != nil {
		t.styled(red, "BRAKE ON: every route is on the monolith since %s, by %s: %s", moment(brake.Since), brake.By, brake.Reason)
	}
	r.printTrouble(t)
	rows := make([][]cell, 0, len(r.Routes))
	for i := range r.Routes {
		route := &r.Routes[i]
		if route.Service == "" && !all {
			continue
		}
		share, now := shareOf(route)
		row := append(cells(route.Route, route.Service, share, now), state(route))
		since, by, reason := last(route)
		row = append(row, cells(since, by, reason)...)
		rows = append(rows, row)
	}
	t.table([]string{"ROUTE", "SERVICE", "SHARE", "NOW", "STATE", "SINCE", "BY", "REASON"}, rows)
	printProgress(t, r.Routes, len(r.Routes) == 1)
	if len(r.Server.Shadows) > 0 {
		t.line("")
		t.table([]string{"SHADOW OF", "VERDICT", "SAMPLED", "COMPARED", "MISMATCHES", "ALARM"}, shadowRows(r.Server.Shadows))
	}
	if len(r.Server.Targets) > 0 {
		t.line("")
		t.table([]string{"TARGET", "BREAKER", "IN FLIGHT", "FAILURES", "COUNTED SINCE", "LAST ERROR"}, targetRows(r.Server.Targets))
	}
}

// printTrouble says what keeps the server from doing what it was told.
func (r *rolloutReport) printTrouble(t *terminal) {
	if refused := r.Server.Refused; refused != nil {
		running := "the one before it runs"
		if table := r.Server.Table; table != nil && !table.Taken.IsZero() {
			running = "the last good table of " + moment(table.Taken) + " runs"
		}
		t.styled(red, "ROUTE TABLE REFUSED since %s; %s:", moment(refused.At), running)
		for _, problem := range refused.Problems {
			t.line("  %s", problem)
		}
	}
	store := r.Server.Store
	if store.Error != "" {
		t.styled(red, "STORE does not answer since %s: %s", moment(store.Since), store.Error)
	}
	if store.Notice != "" {
		t.styled(red, "STORE: %s", store.Notice)
	}
	for i := range r.Server.Webhooks {
		if hook := &r.Server.Webhooks[i]; hook.Error != "" {
			t.styled(yellow, "WEBHOOK %s: at least %d not told, %d given up; %s: %s", hook.Name, hook.Behind, hook.Skipped, moment(hook.ErrorAt), hook.Error)
		}
	}
	if store.Unsaved > 0 {
		t.styled(yellow, "%d changes are in force that the store has not taken yet", store.Unsaved)
	}
	r.printFlags(t)
	r.printIdentity(t)
	if !store.Known {
		t.styled(red, "STATE NOT READ YET: every route is on the monolith")
	}
	for i := range r.Server.Orphans {
		orphan := &r.Server.Orphans[i]
		t.styled(yellow, "%s has a state (%v) but is not in the table", orphan.Route, orphan.Share)
	}
}

// printIdentity says what keeps services from their tokens.
func (r *rolloutReport) printIdentity(t *terminal) {
	i := r.Server.Identity
	if i == nil {
		return
	}
	if s := i.Sessions; s.Store != "ok" {
		t.styled(red, "SESSIONS cannot be looked up since %s, and their requests stay on the monolith: %s: %s", moment(s.Since), s.Reason, s.Error)
	}
	if w := i.Sessions.Watch; w != nil && w.State != identity.WatchOn {
		t.styled(yellow, "SESSIONS that end at the store count within the bound, not at once; the watch is %s since %s: %s", w.State, moment(w.Since), cmp.Or(w.Error, "not connected yet"))
	}
	if odd := i.Sessions.Unread; odd != nil {
		t.styled(yellow, "SESSIONS: one could not be read at %s: %s: %s", moment(odd.At), odd.Reason, odd.Error)
	}
	if i.Sessions.Forged {
		t.styled(red, "SESSIONS: most are signed with none of the configured keys, and their users count as anonymous (bad_signature); are the keys the monolith's?")
	}
	if i.Notice != "" {
		t.styled(yellow, "ISSUER: %s", i.Notice)
	}
	if !i.NoTokensUntil.IsZero() {
		t.styled(red, "NO KEY SIGNS until %s; routes that need a token stay on the monolith: %d requests so far got none", moment(i.NoTokensUntil), i.Failed)
	}
}

// printFlags says which sources of flags are not well.
func (r *rolloutReport) printFlags(t *terminal) {
	if r.Server.Flags == nil {
		return
	}
	for _, source := range r.Server.Flags.Sources {
		if source.State != "READY" {
			t.styled(red, "FLAGS: %s is %s since %s: %s", source.Name, source.State, moment(source.Since), source.Error)
		}
		if source.Refused != "" {
			t.styled(red, "FLAGS REFUSED by %s since %s; those before run: %s", source.Name, moment(source.RefusedAt), source.Refused)
		}
	}
}

// shareOf is a route's share, and what its requests get now; a flag decides
// request by request, so there is no number then.
func shareOf(r *engine.RouteStatus) (share, now string) {
	if r.Flag == "" {
		return r.Share.String(), r.Effective.String()
	}
	if r.Decides == engine.DecidesFlag || r.Decides == engine.DecidesTrial {
		return "flag", "by flag"
	}
	return "flag", r.Effective.String()
}

func targetRows(targets []proxy.Status) [][]cell {
	rows := make([][]cell, 0, len(targets))
	for i := range targets {
		target := &targets[i]
		row := cells(target.Name, target.Breaker, fmt.Sprint(target.InFlight), fmt.Sprint(target.Failures), moment(target.Since), "")
		switch target.Breaker {
		case "open":
			row[1].style = red
		case "half_open":
			row[1].style = yellow
		}
		if target.LastError != "" {
			row[5].text = moment(target.LastErrorAt) + " " + target.LastError
		}
		rows = append(rows, row)
	}
	return rows
}

// state is a route's condition in a few words.
func state(r *engine.RouteStatus) cell {
	switch r.Decides {
	case engine.DecidesNoService:
		return cell{text: "no service"}
	case engine.DecidesBrake:
		return cell{"braked", red}
	case engine.DecidesHold:
		return cell{"held" + until(r.Hold), yellow}
	case engine.DecidesUnknown:
		return cell{"not known yet", red}
	case engine.DecidesBreaker:
		return cell{"breaker open", red}
	case engine.DecidesTrial:
		return cell{"breaker half open", yellow}
	default:
	}
	switch s := step(r); {
	case r.Flag != "":
		return cell{text: "flag " + r.Flag + " at " + r.Declared.String()}
	case r.Declared != nil:
		return cell{text: "declared at " + r.Declared.String()}
	case r.Unsaved:
		return cell{"not stored yet", yellow}
	case s.text != "":
		return s
	case r.Effective == 0:
		return cell{text: "off"}
	case r.Effective == routes.One:
		return cell{"full", green}
	}
	return cell{"split", green}
}

// last is since when a route is as it is, who said so and why.
func last(r *engine.RouteStatus) (since, by, reason string) {
	switch {
	case r.Hold != nil:
		return moment(r.Hold.Since), r.Hold.By, r.Hold.Reason
	case r.Declared != nil:
		return "", "", ""
	case r.HoldEnded != nil && r.HoldEnded.Until.After(r.Since):
		return moment(r.HoldEnded.Until), r.HoldEnded.By, "the hold ended by itself: " + r.HoldEnded.Reason
	}
	return moment(r.Since), r.By, r.Reason
}
